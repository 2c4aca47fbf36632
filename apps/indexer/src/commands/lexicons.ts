// `lexicons`: what `run` with the same flags would tell at /lexicons. Clients are generated from it where no indexer runs, as in CI.

import { existsSync } from 'node:fs'
import type { Command, Option } from 'commander'
import { createGuardedFetch } from '@avocet/did'
import type { IndexerConfig } from '../config.ts'
import { createNames } from '../database/names.ts'
import { openIndexDatabase } from '../database/open.ts'
import { IndexerError } from '../errors.ts'
import { servedLexicons } from '../http/description.ts'
import { createResolvers } from '../identity/resolvers.ts'
import { configuredLexicons } from '../lexicons/configured.ts'
import { declareIndexes } from '../projections/declare.ts'
import { checkMappings } from '../mapped/check.ts'
import { readMappings } from '../mapped/mapping.ts'
import { createProjections } from '../projections/store.ts'
import { createCollectionReader } from '../queries/collections.ts'
import { declareSearches } from '../search/declare.ts'
import { type RunFlags, toConfig } from './run-options.ts'

const MAX_DOCUMENT_BYTES = 4 * 1024 ** 2

/** Adds the command. @param options those of `run`: whatever it is told may stand here too */
export function addLexicons(program: Command, options: readonly Option[]): void {
  const command = program
    .command('lexicons')
    .description(
      'print the lexicons of the queries that `run` serves with these flags, for avocet-lex generate --served-by',
    )
    .action(async (flags: RunFlags) => {
      console.log(JSON.stringify(await describeSettings(toConfig(flags)), null, 2))
    })
  for (const each of options) command.addOption(each)
}

/** @throws IndexerError `bad-config`: a lexicon, an index or a search is wrong, or there is nothing to ask */
async function describeSettings(config: IndexerConfig): Promise<object> {
  const { plcUrl, allowLoopback, dataFolder } = config
  const fetch = createGuardedFetch({ allowLoopback, maxBytes: MAX_DOCUMENT_BYTES })
  const { dids } = createResolvers({ plcUrl, allowLoopback, hosts: [], fetch, now: Date.now })
  const isKept = dataFolder !== null && existsSync(dataFolder)
  const { lexicons: loaded, keep } = await configuredLexicons(
    { ...config, dataFolder: isKept ? dataFolder : null },
    { dids, fetch, onLog: (line) => console.error(line) },
  )
  keep()
  const { catalog, collections } = loaded
  const db = openIndexDatabase(null)
  try {
    const projections = createProjections(db, createNames(db))
    const specs = declareIndexes(catalog, config.indexes ?? [], collections)
    const searches = declareSearches(catalog, config.searches ?? [])
    db.transaction(() => projections.declare(specs, searches))
    const reader = createCollectionReader(db, catalog, projections)
    const mapped = checkMappings((config.queries ?? []).flatMap(readMappings), catalog, reader)
    const lexicons = servedLexicons(reader.all, mapped, catalog)
    if (lexicons.length > 0) return { lexicons }
  } finally {
    db.close()
  }
  throw new IndexerError(
    'bad-config',
    'No collection can be asked: say what by --lexicons, --index, --search',
  )
}
