/** A plot of calls a run against mean delay, both logarithmic, drawn by hand: one line a policy, one dot a price. */

import { figure } from './score.ts';

export interface Dot {
  readonly calls: number;
  readonly delay: number;
  /** The price at this dot; null for a policy without one. */
  readonly cost: number | null;
}

export interface Series {
  readonly name: string;
  readonly dots: readonly Dot[];
}

export interface Plot {
  readonly title: string;
  readonly series: readonly Series[];
}

const width = 640;
const height = 420;
const margin = { left: 64, right: 168, top: 40, bottom: 52 };
const colours = ['#1f6feb', '#111111', '#d1242f', '#bf8700', '#8250df', '#1a7f37'];

export function svg(plots: readonly Plot[]): string {
  const body = plots.map((plot, i) => `<g transform="translate(0 ${i * height})">${panel(plot)}</g>`);
  const size = `width="${width}" height="${height * plots.length}"`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">\n` +
    `<rect width="100%" height="100%" fill="white"/>\n${body.join('\n')}\n</svg>\n`
  );
}

function panel({ title, series }: Plot): string {
  const dots = series.flatMap((one) => one.dots);
  const x = scale(
    dots.map((dot) => dot.calls),
    margin.left,
    width - margin.right,
  );
  const y = scale(
    dots.map((dot) => dot.delay),
    height - margin.bottom,
    margin.top,
  );
  const bottom = height - margin.bottom;
  const parts = [
    text(margin.left, 22, title, 'font-weight="bold"'),
    text((margin.left + width - margin.right) / 2, height - 14, 'looks a run', 'text-anchor="middle"'),
    text(16, height / 2, 'mean delay, s', `text-anchor="middle" transform="rotate(-90 16 ${height / 2})"`),
    ...x.ticks.flatMap((tick) => [
      line(x.at(tick), margin.top, x.at(tick), bottom, '#dddddd'),
      text(x.at(tick), bottom + 16, String(tick), 'text-anchor="middle"'),
    ]),
    ...y.ticks.flatMap((tick) => [
      line(margin.left, y.at(tick), width - margin.right, y.at(tick), '#dddddd'),
      text(margin.left - 6, y.at(tick) + 4, String(tick), 'text-anchor="end"'),
    ]),
  ];
  for (const [i, one] of series.entries()) {
    const colour = colours[i % colours.length] ?? 'black';
    const points = one.dots.map((dot) => `${x.at(dot.calls).toFixed(1)},${y.at(dot.delay).toFixed(1)}`);
    parts.push(`<polyline points="${points.join(' ')}" fill="none" stroke="${colour}"/>`);
    for (const dot of one.dots) {
      const price = dot.cost === null ? '' : `, c = ${dot.cost} s`;
      const label = `${one.name}: ${figure(dot.calls)} looks, ${figure(dot.delay)} s${price}`;
      const at = `cx="${x.at(dot.calls).toFixed(1)}" cy="${y.at(dot.delay).toFixed(1)}"`;
      parts.push(`<circle ${at} r="3.5" fill="${colour}"><title>${escape(label)}</title></circle>`);
    }
    const keyY = margin.top + 10 + 18 * i;
    parts.push(line(width - margin.right + 12, keyY, width - margin.right + 30, keyY, colour));
    parts.push(text(width - margin.right + 36, keyY + 4, one.name));
  }
  return parts.join('\n');
}

interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

function scale(values: readonly number[], from: number, to: number): Scale {
  const low = Math.log(Math.min(...values) / 1.2);
  const high = Math.log(Math.max(...values) * 1.2);
  const ticks: number[] = [];
  for (let power = -3; power <= 5; power += 1) {
    for (const digit of [1, 2, 5]) {
      const tick = Number((digit * 10 ** power).toPrecision(1));
      if (Math.log(tick) >= low && Math.log(tick) <= high) ticks.push(tick);
    }
  }
  return { ticks, at: (value) => from + ((Math.log(value) - low) / (high - low)) * (to - from) };
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${colour}"/>`;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
