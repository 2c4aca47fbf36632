import { Command, CommanderError } from 'commander'
import { IndexerError } from '../errors.ts'
import { version } from '../version.ts'
import { type ConsumerFlags, consumerOptions, toConsumers } from './consumer-options.ts'
import { addCoverage, type CoverageCommands } from './coverage.ts'
import { addLexicons } from './lexicons.ts'
import { addManagement } from './manage.ts'
import { type ManagedFlags, managedOptions, toManaged } from './managed-options.ts'
import { replay } from './replay.ts'
import { coverage } from './report-coverage.ts'
import { addReplay } from './replay-command.ts'
import { run } from './run.ts'
import { type RunFlags, runOptions, toConfig } from './run-options.ts'
import { verify } from './verify.ts'

const EXAMPLES = `
Examples:
  # Posts and everything of the graph, from the network's relay, in ./data/indexer
  $ avocet-indexer run --collections app.bsky.feed.post,app.bsky.graph.*

  # Everything of one PDS on this machine
  $ avocet-indexer run --everything --source ws://localhost:2583 --plc-url http://localhost:2582 --allow-loopback

  # One more collection, while it runs
  $ AVOCET_ADMIN_TOKEN=... avocet-indexer collections add app.bsky.feed.like

  # Verify a capture of raw frames, with the keys in a file
  $ avocet-indexer replay frames.bin.zst --did-docs did_docs.json.zst

  # Compare a repo with what is indexed of it
  $ avocet-indexer verify did:plc:ewvi7nxzyoun6zhxrhs64oiz
`

/** Errors that say how it is used. */
const USAGE: ReadonlySet<string> = new Set(['nothing-wanted'])

/** What the commands do once their flags are read. */
export type Commands = { readonly run: typeof run; readonly replay: typeof replay } & CoverageCommands

/** The command line. `run` resolves to the exit code: 0 fine, 1 failed, 2 wrong usage. */
export function addCommands(
  env: NodeJS.ProcessEnv,
  commands: Commands = { run, replay, verify, coverage },
): { run(argv: readonly string[]): Promise<number> } {
  let exitCode = 0
  const program = new Command('avocet-indexer')
    .description('A verified, queryable index of the AT Protocol firehose')
    .version(version)
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(avocet-indexer --help tells more)')
    .exitOverride()

  const running = program
    .command('run', { isDefault: true })
    .description('follow sources, verify and index, and serve the index (the default)')
    .action(async (flags: RunFlags & ConsumerFlags & ManagedFlags) => {
      exitCode = await commands.run({
        ...toConfig(flags),
        ...toConsumers(flags, env),
        ...toManaged(flags, env),
      })
    })
  const options = [...runOptions(env), ...managedOptions(env), ...consumerOptions()]
  for (const each of options) running.addOption(each)

  const done = (code: number): void => {
    exitCode = code
  }
  addReplay(program, commands, done)
  addCoverage(program, commands, done)
  addManagement(program, env)
  addLexicons(program, options)

  return {
    async run(argv) {
      try {
        await program.parseAsync(argv)
        return exitCode
      } catch (error) {
        // Commander has printed its own message already.
        if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
        if (error instanceof IndexerError) {
          console.error(`avocet-indexer: ${error.message}`)
          return USAGE.has(error.code) ? 2 : 1
        }
        throw error
      }
    },
  }
}
