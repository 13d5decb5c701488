import { BlockList, isIP, isIPv4 } from 'node:net';

/** What may be called although it is not public. */
export interface AllowList {
  /** Any address of this host, as it stands in the URL. */
  allowsHost(host: string, port: number): boolean;
  allowsAddress(address: string, port: number): boolean;
}

/** `host`, `*.domain`, an address or a range; with `:port` (IPv6 in brackets then) for that port alone. */
const entryPattern =
  /^(?:\[(?<bracketed>[^\]]+)\]|(?<ipv6>[^:]*:[^:]*:.*)|(?<plain>[^:]+))(?::(?<port>\d+))?$/;

interface Rule {
  readonly port: number | null;
  matchesHost(host: string): boolean;
  matchesAddress(address: string): boolean;
}

/** Reads such entries. Throws an `Error` that names the one that cannot be read. */
export function parseAllowList(entries: readonly string[]): AllowList {
  const rules = entries.map((entry) => parseEntry(entry.trim()));
  const forPort = (port: number): readonly Rule[] =>
    rules.filter((rule) => rule.port === null || rule.port === port);
  return {
    allowsHost: (host, port) => {
      const name = bareHost(host);
      return forPort(port).some((rule) => rule.matchesHost(name));
    },
    allowsAddress: (address, port) => forPort(port).some((rule) => rule.matchesAddress(address)),
  };
}

function parseEntry(entry: string): Rule {
  const groups = entryPattern.exec(entry)?.groups;
  const target = groups?.['bracketed'] ?? groups?.['ipv6'] ?? groups?.['plain'];
  const port = groups?.['port'] === undefined ? null : Number(groups['port']);
  if (target === undefined || (port !== null && port > 65_535)) throw unreadable(entry);
  const [address = '', prefix] = target.split('/');
  if (isIP(address) !== 0) return { port, ...addressRule(entry, address, prefix) };
  if (prefix !== undefined || !/^(?:\*\.)?[^*/\s[\]]+$/.test(target)) throw unreadable(entry);
  return { port, ...hostRule(target.toLowerCase()) };
}

function addressRule(entry: string, address: string, prefix: string | undefined): Omit<Rule, 'port'> {
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const bits = family === 'ipv4' ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (prefix === '' || !Number.isInteger(length) || length < 0 || length > bits) throw unreadable(entry);
  const range = new BlockList();
  range.addSubnet(address, length, family);
  return {
    matchesHost: () => false,
    matchesAddress: (candidate) => {
      const kind = isIP(candidate);
      return kind !== 0 && range.check(candidate, kind === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

function hostRule(host: string): Omit<Rule, 'port'> {
  const suffix = host.startsWith('*.') ? bareHost(host.slice(1)) : null;
  const exact = bareHost(host);
  return {
    matchesHost: (candidate) => (suffix === null ? candidate === exact : candidate.endsWith(suffix)),
    matchesAddress: () => false,
  };
}

/** A final dot says that a name is absolute; it is the same name. */
function bareHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

function unreadable(entry: string): Error {
  return new Error(`"${entry}" is no host name, address or range, with or without a port.`);
}
