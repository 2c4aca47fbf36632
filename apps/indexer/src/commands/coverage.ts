// The commands that say how complete the index is: `verify` of some repos, `coverage` of all.

import { type Command, Option } from 'commander'
import { defaults, parseCollections, parseDids, parseHttpUrl } from '../config.ts'
import { flag, option } from './options.ts'
import type { coverage } from './report-coverage.ts'
import type { verify } from './verify.ts'

type VerifyFlags = {
  data: string
  plcUrl: string
  collections?: string[]
  allowLoopback: boolean
  json?: boolean
}

/** What the commands do. */
export type CoverageCommands = { readonly verify: typeof verify; readonly coverage: typeof coverage }

/** Adds them to the program. @param onCode told the exit code */
export function addCoverage(
  program: Command,
  commands: CoverageCommands,
  onCode: (code: number) => void,
): void {
  program
    .command('verify')
    .description(
      'compare repos with the index, record for record; exit code 1 when one differs, 3 when it cannot be said',
    )
    .argument('<did...>', 'the accounts')
    .addOption(option('--data <folder>', 'where the database is', 'AVOCET_DATA', defaults.dataFolder))
    .addOption(
      option('--plc-url <url>', 'the did:plc directory', 'AVOCET_PLC_URL', defaults.plcUrl, parseHttpUrl),
    )
    .addOption(
      new Option(
        '--collections <list>',
        'only these of what is indexed; without it, all that is, as `run` was told and as was added and removed since',
      ).argParser(parseCollections),
    )
    .addOption(flag('--allow-loopback', 'development, as of `run`', 'AVOCET_ALLOW_LOOPBACK'))
    .addOption(new Option('--json', 'the result as JSON'))
    .action(async (dids: string[], { data, collections, json, ...flags }: VerifyFlags) => {
      const code = await commands.verify({
        ...flags,
        dids: dids.flatMap(parseDids),
        dataFolder: data,
        collections: collections ?? null,
        json: json ?? false,
      })
      onCode(code)
    })

  program
    .command('coverage')
    .description('how complete a running indexer is: repos by state and reason, lag, failures, the audit')
    .addOption(
      option(
        '--url <url>',
        'where it serves',
        'AVOCET_URL',
        `http://localhost:${defaults.port}`,
        parseHttpUrl,
      ),
    )
    .addOption(new Option('--json', 'the report as JSON'))
    .action(async ({ url, json }: { url: string; json?: boolean }) => {
      onCode(await commands.coverage({ url, json: json ?? false }))
    })
}
