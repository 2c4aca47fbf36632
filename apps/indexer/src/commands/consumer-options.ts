// Options of `run` about those who acknowledge events: Tap's groups, and webhooks.

import type { Option } from 'commander'
import { defaults, type IndexerConfig, parseCount, parsePositive } from '../config.ts'
import { IndexerError } from '../errors.ts'
import { readWebhooks } from '../webhooks/settings.ts'
import { flag, option } from './options.ts'

/** What their flags say. */
export type ConsumerFlags = {
  tap: boolean
  tapPassword?: string
  tapRetrySeconds: number
  tapTries: number
  webhooks?: string
  consumerHours: number
}

const RETRY_SECONDS = 60
const TRIES = 6

/** The options. */
export function consumerOptions(): Option[] {
  return [
    flag('--tap', 'serve Tap: /channel with acks, and its calls for repos', 'AVOCET_TAP'),
    option(
      '--tap-password <password>',
      'the admin password of Tap; better in the environment, where other processes do not see it',
      'AVOCET_TAP_PASSWORD',
      undefined,
    ),
    option(
      '--tap-retry-seconds <seconds>',
      'an event that is not acknowledged is sent again after this long',
      'AVOCET_TAP_RETRY_SECONDS',
      RETRY_SECONDS,
      parsePositive,
    ),
    option(
      '--tap-tries <number>',
      'failures after which an event becomes a dead letter',
      'AVOCET_TAP_TRIES',
      TRIES,
      parseCount,
    ),
    option(
      '--webhooks <file>',
      'JSON file that lists where events are sent to, each with its filter and secrets',
      'AVOCET_WEBHOOKS',
      undefined,
    ),
    option(
      '--consumer-hours <hours>',
      'how long the log is kept for a group of Tap or a webhook that has not acknowledged it, if --log-mb has room',
      'AVOCET_CONSUMER_HOURS',
      defaults.consumerRetentionMs / 3_600_000,
      parsePositive,
    ),
  ]
}

/** Settings from their flags. @throws IndexerError `bad-config` */
export function toConsumers(
  flags: ConsumerFlags,
  env: NodeJS.ProcessEnv,
): Pick<IndexerConfig, 'tap' | 'webhooks' | 'consumerRetentionMs'> {
  const { tap, tapPassword = '', tapRetrySeconds, tapTries: tries, webhooks } = flags
  if (!tap && tapPassword !== '') throw new IndexerError('bad-config', '--tap-password is for --tap')
  const password = tapPassword === '' ? null : tapPassword
  return {
    consumerRetentionMs: flags.consumerHours * 3_600_000,
    ...(tap ? { tap: { password, ackMs: tapRetrySeconds * 1000, tries: Math.max(1, tries) } } : {}),
    ...(webhooks === undefined ? {} : { webhooks: readWebhooks(webhooks, env) }),
  }
}
