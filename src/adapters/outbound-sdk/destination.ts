import { isIP } from 'node:net';
import { isPublicAddress } from './addresses.ts';
import type { AllowList } from './allow-list.ts';

export type Destination = { readonly ok: true; readonly url: URL } | BadDestination;

interface BadDestination {
  readonly ok: false;
  readonly reason: 'invalid_url' | 'blocked';
  /** For whoever chose the URL: never repeats a credential. */
  readonly problem: string;
}

/**
 * What can be said of a URL before its name is resolved. `URL` has already turned every spelling of an IPv4 address
 * (decimal, octal, hexadecimal, short, full-width digits) into the plain one.
 */
export function destinationOf(text: string, allow: AllowList): Destination {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return invalid('It is no http or https URL.');
  if (url.username !== '' || url.password !== '') return invalid('It may not contain a user or a password.');
  const host = hostOf(url);
  const port = portOf(url);
  if (allow.allowsHost(host, port)) return { ok: true, url };
  const local = /(?:^|\.)localhost\.?$/.test(host);
  const special = isIP(host) !== 0 && !isPublicAddress(host) && !allow.allowsAddress(host, port);
  if (!local && !special) return { ok: true, url };
  return { ok: false, reason: 'blocked', problem: `${host} is not a public address, and it is not allowed.` };
}

/** Without the brackets of an IPv6 address. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function invalid(problem: string): BadDestination {
  return { ok: false, reason: 'invalid_url', problem };
}
