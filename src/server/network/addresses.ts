// Which addresses are those of the public network. All others belong to this machine, to its neighbours, or to nobody, and what a user
// names must not be asked of them.

import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** IPv4: what is not public, after the registries of special-purpose addresses. */
const NOT_PUBLIC_4: readonly string[] = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared with the carrier; metadata of one cloud
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // of the machine's host, in one cloud
  '169.254.0.0/16', // link-local; metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocols; metadata of one cloud
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // relays of 6to4
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
];

/** IPv6: the only block that public addresses are of. */
const UNICAST_6 = '2000::/3';

/** IPv6: what is not public in that block. */
const NOT_PUBLIC_6: readonly string[] = [
  '2001::/23', // protocols: Teredo, benchmarks and others
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which leads to any IPv4 address
  '3fff::/20', // documentation
];

function listOf(blocks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address, bits] = block.split('/');
    list.addSubnet(address!, Number(bits), family);
  }
  return list;
}

const notPublic4 = listOf(NOT_PUBLIC_4, 'ipv4');
const unicast6 = listOf([UNICAST_6], 'ipv6');
const notPublic6 = listOf(NOT_PUBLIC_6, 'ipv6');

/**
 * Whether an address is one of the public network. IPv6 addresses that stand for one of IPv4 (mapped, or translated with the well-known
 * prefix) are what that one is.
 * @param address of IPv4 or IPv6 as systems print it; anything else is not public
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !notPublic4.check(address, 'ipv4');
  // A zone makes an address one of a link.
  if (!isIPv6(address) || address.includes('%')) return false;
  const groups = groupsOf(address);
  const prefix = groups.slice(0, 6).join(':');
  if (prefix === '0:0:0:0:0:ffff' || prefix === '64:ff9b:0:0:0:0') {
    const [high, low] = groups.slice(6).map(group => Number.parseInt(group, 16)) as [number, number];
    return isPublicAddress([high >> 8, high & 255, low >> 8, low & 255].join('.'));
  }
  return unicast6.check(address, 'ipv6') && !notPublic6.check(address, 'ipv6');
}

/** The eight groups of an IPv6 address, in hexadecimal without leading zeros. */
function groupsOf(address: string): string[] {
  // Addresses of URLs are written in one way only.
  const [head, tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [first, last] = [head, tail].map(part => (part ? part.split(':') : []));
  return [...first!, ...Array(8 - first!.length - last!.length).fill('0'), ...last!];
}
