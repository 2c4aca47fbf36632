import { describe, expect, it } from 'vitest'

import { checkAddresses } from '../src/guarded-request.ts'
import { createGuardedFetch, isPrivateAddress, isPublicAddress, type DidError } from '../src/index.ts'

const PRIVATE = [
  '10.0.0.0',
  '10.255.255.255',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '100.64.0.1',
  '100.127.255.255',
  '192.0.2.2',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  'fc00::1',
  'fdff:ffff::1',
  '2001:db8::1',
  '3fff:fff::1',
  '::ffff:10.0.0.1',
  '::ffff:a00:1',
  '64:ff9b::a00:1',
]
const NEITHER = [
  '0.0.0.0',
  '127.0.0.1',
  '169.254.169.254',
  '169.254.0.1',
  '100.100.100.200',
  '192.0.0.192',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
  'fd00:ec2::254',
  'fd20:ce::254',
  '::ffff:127.0.0.1',
  '::ffff:169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '2002:a00:1::',
]
/** No addresses: forms that other parsers take for some. */
const NO_ADDRESS = ['10.1', '0x0a.0.0.1', '167772161', '010.0.0.1', 'fc00::1%eth0', '', 'localhost']

describe('isPrivateAddress', () => {
  it.each(PRIVATE)('%s is private', (address) => {
    expect([isPrivateAddress(address), isPublicAddress(address)]).toEqual([true, false])
  })
  it.each([...NEITHER, ...NO_ADDRESS])('%j is neither private nor public', (address) => {
    expect([isPrivateAddress(address), isPublicAddress(address)]).toEqual([false, false])
  })
  it.each(['9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0'])(
    '%s beside a private block is public',
    (address) => expect([isPrivateAddress(address), isPublicAddress(address)]).toEqual([false, true]),
  )
})

describe('a guard that allows private addresses', () => {
  const passed = (protocol: 'http:' | 'https:', options: object): string[] => {
    const all = ['8.8.8.8', '10.0.0.1', '127.0.0.1', '169.254.169.254']
    try {
      return checkAddresses(all, options, protocol, 'x')
    } catch (error) {
      return [(error as DidError).code]
    }
  }
  it.each([
    [{}, 'https:', ['8.8.8.8']],
    [{}, 'http:', ['blocked-address']],
    [{ allowPrivate: true }, 'https:', ['8.8.8.8', '10.0.0.1']],
    [{ allowPrivate: true }, 'http:', ['10.0.0.1']],
    [{ allowLoopback: true }, 'http:', ['127.0.0.1']],
    [{ allowLoopback: true, allowPrivate: true }, 'http:', ['10.0.0.1', '127.0.0.1']],
  ] as const)('%j lets %s reach %j', (options, protocol, expected) => {
    expect(passed(protocol, options)).toEqual(expected)
  })

  const codeOf = async (url: string, options: object): Promise<string> =>
    createGuardedFetch({ timeoutMs: 200, ...options })(url).then(
      () => 'answered',
      (error: DidError) => error.code,
    )
  it.each(['http://127.0.0.1:1/', 'http://[::1]:1/', 'http://169.254.169.254/', 'http://[::ffff:7f00:1]:1/'])(
    'refuses %s',
    async (url) => expect(await codeOf(url, { allowPrivate: true })).toBe('blocked-address'),
  )
  it('refuses other protocols and credentials', async () => {
    expect(await codeOf('ftp://10.0.0.1/', { allowPrivate: true })).toBe('blocked-protocol')
    expect(await codeOf('http://a:b@10.0.0.1/', { allowPrivate: true })).toBe('blocked-protocol')
  })
  it('goes by what a name leads to', async () => {
    const lookup = (): Promise<readonly string[]> => Promise.resolve(['127.0.0.1', '169.254.169.254'])
    expect(await codeOf('http://inside.example/', { allowPrivate: true, lookup })).toBe('blocked-address')
  })
})
