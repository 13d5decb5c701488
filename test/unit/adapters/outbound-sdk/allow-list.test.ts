import { describe, expect, it } from 'vitest';
import { parseAllowList } from '../../../../src/adapters/outbound-sdk/allow-list.ts';

describe('the allow list', () => {
  it.each([
    ['receiver.internal', 'receiver.internal', true],
    ['receiver.internal', 'RECEIVER.internal.', true],
    ['receiver.internal', 'other.receiver.internal', false],
    ['receiver.internal', 'receiver.internal.evil.com', false],
    ['*.internal', 'receiver.internal', true],
    ['*.internal', 'a.b.internal', true],
    ['*.internal', 'internal', false],
    ['*.internal', 'notinternal', false],
    ['localhost', 'localhost', true],
    ['receiver.internal:8080', 'receiver.internal', false],
    ['receiver.internal:443', 'receiver.internal', true],
    ['127.0.0.1', '127.0.0.1', false],
  ])('%s and the host %s on port 443: %s', (entry, host, allowed) => {
    expect(parseAllowList([entry]).allowsHost(host, 443)).toBe(allowed);
  });

  it.each([
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['0.0.0.0/0', '169.254.169.254', true],
    ['10.0.0.0/8:443', '10.0.0.1', true],
    ['10.0.0.0/8:80', '10.0.0.1', false],
    ['fd00::/8', 'fd12::1', true],
    ['fd00::/8', 'fe80::1', false],
    ['::1', '::1', true],
    ['[::1]:443', '::1', true],
    ['[::1]:80', '::1', false],
    ['[fd00::/8]:443', 'fd00::7', true],
    ['receiver.internal', '10.0.0.1', false],
  ])('%s and the address %s on port 443: %s', (entry, address, allowed) => {
    expect(parseAllowList([entry]).allowsAddress(address, 443)).toBe(allowed);
  });

  it.each([
    '',
    'a b',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/x',
    'host/8',
    'http://host',
    'host:99999',
    '*',
    'a.*.b',
    '[::1',
    'fd00::/129',
  ])('cannot read "%s"', (entry) => {
    expect(() => parseAllowList([entry])).toThrow(`"${entry}"`);
  });
});
