/** Loopback and private addresses: a front server there is believed about who calls, a caller elsewhere is not. */
export const FRONT_SERVERS: readonly string[] = [
  '127.0.0.0/8',
  '::1',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  'fe80::/10',
  '169.254.0.0/16',
]
