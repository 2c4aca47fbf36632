// The command `replay`.

import { type Command, Option } from 'commander'
import { defaults, parseCollections, parseHttpUrl } from '../config.ts'
import { option } from './options.ts'
import type { replay } from './replay.ts'

type ReplayFlags = {
  didDocs?: string
  plcUrl: string
  data?: string
  collections?: string[]
  quiet?: boolean
  json?: boolean
}

/** Adds it. `done` is told the exit code. */
export function addReplay(
  program: Command,
  commands: { readonly replay: typeof replay },
  done: (code: number) => void,
): void {
  program
    .command('replay')
    .description('verify and index a capture of raw frames; exit code 1 when any event fails')
    .argument('<frames>', 'file of frames, each after its length (u32, little endian); .zst too')
    .addOption(
      new Option(
        '--did-docs <file>',
        'DID documents as JSON, by DID or as a list; .zst too. Without it the directory is asked',
      ),
    )
    .addOption(
      option('--plc-url <url>', 'the did:plc directory', 'AVOCET_PLC_URL', defaults.plcUrl, parseHttpUrl),
    )
    .addOption(
      new Option('--data <folder>', 'keep the index in this folder (otherwise it is only in memory)'),
    )
    .addOption(
      option(
        '--collections <list>',
        'only these collections',
        'AVOCET_COLLECTIONS',
        undefined,
        parseCollections,
      ),
    )
    .addOption(new Option('--quiet', 'no progress, only the summary'))
    .addOption(new Option('--json', 'the summary as JSON'))
    .action(async (frames: string, flags: ReplayFlags) => {
      done(
        await commands.replay({
          frames,
          didDocs: flags.didDocs ?? null,
          plcUrl: flags.plcUrl,
          dataFolder: flags.data ?? null,
          collections: flags.collections ?? null,
          quiet: flags.quiet ?? false,
          json: flags.json ?? false,
        }),
      )
    })
}
