import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** IPv4 that is not the public internet: IANA's special-purpose registry, and a cloud's own service address. */
const specialIpv4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8], // this host
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8],
  ['168.63.129.16', 32], // Azure's platform service
  ['169.254.0.0', 16], // link-local, with the metadata services
  ['172.16.0.0', 12],
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16],
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
];

/** Within 2000::/3, the only space that IPv6 routes globally. */
const specialIpv6: readonly (readonly [network: string, prefix: number])[] = [
  ['2001::', 23], // protocol assignments, with Teredo, which carries an IPv4 address
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4, which carries an IPv4 address
  ['3fff::', 20], // documentation
];

/** A network without IPv4 reaches it through these: the last 32 bits are the real address. */
const nat64 = '64:ff9b::';

const special4 = new BlockList();
const special6 = new BlockList();
const global6 = new BlockList();
for (const [network, prefix] of specialIpv4) {
  special4.addSubnet(network, prefix, 'ipv4');
  special6.addSubnet(`${nat64}${network}`, 96 + prefix, 'ipv6');
}
for (const [network, prefix] of specialIpv6) special6.addSubnet(network, prefix, 'ipv6');
global6.addSubnet('2000::', 3, 'ipv6');
global6.addSubnet(nat64, 96, 'ipv6');

/**
 * Whether an address as a resolver gives it is on the public internet. What is not surely public is not: an IPv6 address
 * that maps an IPv4 one, has a zone, or is no address at all.
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special4.check(address, 'ipv4');
  if (!isIPv6(address) || address.includes('%')) return false;
  return global6.check(address, 'ipv6') && !special6.check(address, 'ipv6');
}
