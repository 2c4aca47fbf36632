import { createIndexer } from '../app.ts'
import type { IndexerConfig } from '../config.ts'
import type { WantedStatus } from '../http/status.ts'
import { describeEnd } from '../database/failure.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Runs until a signal. @returns the exit code @throws IndexerError when it cannot start */
export async function run(config: IndexerConfig): Promise<number> {
  const indexer = await createIndexer({ ...config, onLog: say }).catch((error: unknown) => {
    throw describeEnd(error, config.dataFolder)
  })
  say(`avocet-indexer is ready: ${indexer.url}`)
  if (indexer.adminUrl !== null) say(`managed at ${indexer.adminUrl}`)
  for (const line of wantedLines(indexer.status().wanted)) say(line)
  for (const { kind, url } of config.sources) say(`following ${kind} ${url}`)
  if (config.tap !== undefined) say(`Tap is served at ${indexer.url}/channel`)
  for (const { name, url } of config.webhooks ?? []) say(`sending to webhook ${name}: ${new URL(url).origin}`)
  if (config.dataFolder !== null) say(`index in ${config.dataFolder}`)

  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of SIGNALS) process.once(signal, resolve)
  })
  try {
    const ended = await Promise.race([signalled, indexer.done.then(() => null)])
    if (ended !== null) say(`${ended}: finishing what is under way`)
    await indexer.close()
  } catch (cause) {
    // What cannot go on closes itself.
    const error = describeEnd(cause, config.dataFolder) as Error
    console.error(`avocet-indexer: stopped: ${error.message}`)
    return 1
  }
  say('stopped')
  return 0
}

function wantedLines({ everything, collections, signal, named, chosen }: WantedStatus): string[] {
  const what = collections === null ? 'all collections' : collections.join(', ')
  const owners = signal ?? (collections === null ? null : 'them')
  const who = everything
    ? 'every repo'
    : owners === null
      ? 'the repos that are named'
      : `repos with records of ${owners}`
  const changed = chosen.added + chosen.removed
  return [
    `indexing ${what} of ${who}; ${named} repos are named`,
    ...(changed === 0
      ? []
      : [`on top of the flags: ${chosen.added} added and ${chosen.removed} removed while it ran`]),
  ]
}

function say(line: string): void {
  console.log(`${new Date().toISOString()} ${line}`)
}
