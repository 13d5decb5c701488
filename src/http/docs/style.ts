export const stylesheet = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1c2128, #dfe4ea);
  --soft: light-dark(#5a6472, #98a3b1);
  --line: light-dark(#e1e5ea, #2e353f);
  --page: light-dark(#fff, #14171c);
  --panel: light-dark(#f6f7f9, #1b2027);
  --link: light-dark(#1f57b8, #8ab4ff);
  font: 16px/1.6 system-ui, sans-serif;
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; display: grid; grid-template-columns: 19rem minmax(0, 1fr); color: var(--text); background: var(--page); }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 1.25rem; background: var(--panel);
  border-right: 1px solid var(--line); font-size: .84rem; }
nav .brand { font-size: 1.15rem; font-weight: 700; color: var(--text); }
nav h2 { margin: 1.5rem 0 .4rem; font-size: .72rem; letter-spacing: .08em; text-transform: uppercase; color: var(--soft);
  border: 0; padding: 0; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: block; padding: .18rem 0; color: var(--text); white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
main { max-width: 58rem; padding: 2.5rem clamp(1rem, 4vw, 3.5rem) 6rem; }
h1 { margin: 0 0 .75rem; font-size: 2rem; line-height: 1.2; letter-spacing: -.01em; }
h2 { margin: 3.5rem 0 .5rem; font-size: 1.4rem; border-bottom: 1px solid var(--line); padding-bottom: .4rem; }
h3 { margin: 0 0 .4rem; font-size: 1.05rem; }
header h3 { margin-top: 1.75rem; }
p { margin: 0 0 .8rem; }
article { margin: 2.25rem 0; }
article > h3 { display: flex; align-items: baseline; gap: .6rem; flex-wrap: wrap; }
.summary { font-weight: 600; }
code, pre { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, monospace; font-size: .86em; }
:not(pre) > code { background: var(--panel); border: 1px solid var(--line); border-radius: .3em; padding: .05em .3em; }
h3 > code { background: none; border: 0; padding: 0; font-size: 1em; }
pre { margin: .9rem 0; padding: .9rem 1.1rem; overflow: auto; max-height: 30rem; background: var(--panel);
  border: 1px solid var(--line); border-radius: .5rem; line-height: 1.5; }
pre code { font-size: .82rem; }
.method { font: 700 .7rem/1.5 ui-monospace, monospace; padding: .1rem .4rem; border-radius: .3rem; }
.method.get { background: light-dark(#dcebff, #1c3557); color: light-dark(#134a9c, #a9cbff); }
.method.post { background: light-dark(#d9f3e1, #173c28); color: light-dark(#14663a, #94e0b3); }
nav .method { display: inline-block; min-width: 2.8rem; text-align: center; font-size: .62rem; vertical-align: middle; }
.open { font-size: .75rem; color: var(--soft); border: 1px solid var(--line); border-radius: 1rem; padding: 0 .55rem; }
.status { font-weight: 700; margin-right: .35rem; }
.answer { margin-top: .9rem; }
.answer > p { margin-bottom: .3rem; }
.headers { margin: 0 0 .4rem; font-size: .9rem; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); }
th { font-size: .78rem; color: var(--soft); }
td:first-child { white-space: nowrap; }
small, summary { color: var(--soft); }
small { font-size: .8rem; }
details { margin: .3rem 0; }
summary { cursor: pointer; font-size: .88rem; }
:target { scroll-margin-top: 1rem; }
tr:target { background: light-dark(#fff6d6, #3a3212); }
@media (max-width: 60rem) {
  body { display: block; }
  nav { position: static; height: auto; max-height: 16rem; border-right: 0; border-bottom: 1px solid var(--line); }
}
`;
