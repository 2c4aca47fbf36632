import type { Draft, Setting } from './setting.ts'
import { bad, SettingError } from './values.ts'

const NAME = 'PDS_REDIS_SCRATCH_ADDRESS'
const PASSWORD = 'PDS_REDIS_SCRATCH_PASSWORD'

/** Settings of a Redis that several processes count in. */
export const REDIS_SETTINGS: readonly Setting[] = [
  {
    env: NAME,
    description:
      'Redis that all processes of this server count rate limits and used proofs of apps in (none while rate limits are off): host:port, or rediss:// for TLS',
    default: 'none: each process counts for itself',
    apply: (text, { redis }) => (redis.url = redisUrl(text)),
  },
  {
    env: PASSWORD,
    description: 'its password',
    default: 'none',
    apply: (text, { redis }) => (redis.password = text),
  },
]

/** The Redis that the settings name, as a URL, or null. @throws SettingError for a password without it, or two of them */
export function redisOf({ redis }: Draft): string | null {
  const { url, password } = redis
  if (url === undefined) {
    if (password === undefined) return null
    throw new SettingError(PASSWORD, `${PASSWORD}: it belongs to ${NAME}, which is not set`)
  }
  if (password === undefined) return url
  const whole = new URL(url)
  if (whole.password !== '') {
    throw new SettingError(PASSWORD, `${PASSWORD}: ${NAME} has a password in it; remove one of the two`)
  }
  whole.password = encodeURIComponent(password)
  return whole.href
}

/** `host`, `host:port` or a URL, as a URL. It may hold a password, so it is not shown. */
function redisUrl(text: string): string {
  const expected = 'host:port, redis://host:port or rediss://user:password@host:port/database'
  const url = URL.parse(/^rediss?:\/\//.test(text) ? text : `redis://${text}`)
  if (url === null || url.hostname === '' || url.search !== '' || url.hash !== '') return bad(expected, '…')
  return /^\/?\d{0,4}$/.test(url.pathname) ? url.href : bad(expected, '…')
}
