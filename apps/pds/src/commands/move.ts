import { join, resolve } from 'node:path'

import { resolveConfig, type PdsConfig, type PdsOptions, type PostgresPlace } from '../config/config.ts'
import { blobFolder, MOVED_FOLDER, MOVING_FILE } from '../config/data-directory.ts'
import { isPostgresUrl, schemaName } from '../config/database-settings.ts'
import { lastRotationKey, noteRotationKey } from '../config/rotation-key.ts'
import { keepSecrets, readSecrets, type Secrets } from '../config/secrets.ts'
import { repoChecks } from '../doctor/repo-checks.ts'
import { move } from '../move/move.ts'
import { secretNotes } from '../storage.ts'
import type { MoveSource, MoveTarget } from '../stores/move-end.ts'
import type { StoresView } from '../stores/view.ts'
import { CommandError, type Print } from '../terminal.ts'

/** The flags of `avocet-pds move`. */
export interface MoveFlags {
  /** A connection string, or a folder. */
  readonly to: string
  readonly schema?: string
  readonly dryRun?: boolean
  readonly restart?: boolean
  /** `rows` or `deep`. */
  readonly verify?: string
}

/** Connections that a move needs at most. */
const POOL_SIZE = 6

/**
 * Moves the database of a stopped server from SQLite to Postgres, or back, and says what to do then.
 * @throws CommandError, DataDirectoryError, StoreError
 */
export async function moveCommand(
  options: PdsOptions,
  flags: MoveFlags,
  print: Print,
  signal?: AbortSignal,
): Promise<void> {
  const config = resolveConfig(options)
  const { verify = 'rows', dryRun = false, restart = false } = flags
  if (verify !== 'rows' && verify !== 'deep') {
    throw new CommandError(`--verify is rows or deep, not ${verify}`)
  }
  const place = placeOf(flags, config)
  const secrets = knownSecrets(config)
  await using opened = new AsyncDisposableStack()
  let source: MoveSource
  let target: MoveTarget
  let view: () => Promise<StoresView>
  if (place !== null) {
    const [{ openSqliteSource }, { openPostgresTarget }, { openPostgresView }] = await Promise.all([
      import('../stores/sqlite/move-source.ts'),
      import('../stores/postgres/move-target.ts'),
      import('../stores/postgres/view.ts'),
    ])
    source = opened.use(openSqliteSource(config))
    target = opened.use(await openPostgresTarget(place, secretNotes(secrets), dryRun))
    view = () => openPostgresView(place, { unfinished: true })
  } else {
    const [{ openPostgresSource }, { openSqliteTarget }, { openSqliteView }] = await Promise.all([
      import('../stores/postgres/move-source.ts'),
      import('../stores/sqlite/move-target.ts'),
      import('../stores/sqlite/view.ts'),
    ])
    const folder = resolve(flags.to)
    const from = opened.use(await openPostgresSource(config.postgres!))
    await refuseOtherSecrets((name) => from.note(name), secrets)
    source = from
    target = opened.use(openSqliteTarget({ ...config, postgres: null, dataDirectory: folder }, dryRun))
    if (!dryRun) await keepWithData(config, folder, secrets)
    view = () => Promise.resolve(openSqliteView(join(folder, MOVING_FILE)))
  }
  const further = verify === 'deep' ? () => walkAll(view, print) : undefined
  const isMoved = await move(source, target, {
    dryRun,
    restart,
    print,
    ...(further === undefined ? {} : { further }),
    ...(signal === undefined ? {} : { signal }),
  })
  if (!isMoved) return
  const lines = place === null ? stepsToSqlite(config, resolve(flags.to)) : stepsToPostgres(config, place)
  for (const line of lines) print(line)
}

/** The database to move to; null for a folder. @throws CommandError for a way that is none */
function placeOf({ to, schema }: MoveFlags, config: PdsConfig): PostgresPlace | null {
  const isPostgres = isPostgresUrl(to)
  if (!isPostgres && /^[a-z]+:\/\//.test(to)) {
    throw new CommandError('--to is a folder, or postgres://user@host:5432/database')
  }
  if (isPostgres && config.postgres !== null) {
    throw new CommandError(
      'PDS_DB_POSTGRES_URL is set, so the data is taken for being on Postgres already, and --to names Postgres too\n' +
        'To move from SQLite, run this without PDS_DB_POSTGRES_URL; from one Postgres to another, use pg_dump and pg_restore',
    )
  }
  if (!isPostgres && config.postgres === null) {
    throw new CommandError(
      'the data is on SQLite already, and --to names a folder\n' +
        'To move from Postgres, set PDS_DB_POSTGRES_URL; from one folder to another, stop the server and copy the folder',
    )
  }
  if (!isPostgres && schema !== undefined) {
    throw new CommandError('--schema is one of Postgres, and --to names a folder')
  }
  return isPostgres
    ? { url: to, schema: schema === undefined ? null : schemaName(schema), poolSize: POOL_SIZE }
    : null
}

/** The secrets of the server, which go with its accounts. @throws CommandError when they are not here */
function knownSecrets(config: PdsConfig): Pick<Secrets, 'jwtSecret' | 'plcRotationKeyHex'> {
  const { jwtSecret, plcRotationKeyHex } = readSecrets(config)
  if (jwtSecret === null || plcRotationKeyHex === null) {
    throw new CommandError(
      `the secrets of the server are not here; path=${config.dataDirectory}\n` +
        'Run this with the settings of the server: its data directory, or PDS_JWT_SECRET and PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX',
    )
  }
  const ran = config.postgres === null ? lastRotationKey(config.dataDirectory) : null
  if (ran !== null && ran !== secretNotes({ jwtSecret, plcRotationKeyHex }).rotationKey) {
    throw new CommandError(
      `the server ran with another rotation key than the one given; server=${ran}\n` +
        'Correct PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX, or secrets.json',
    )
  }
  return { jwtSecret, plcRotationKeyHex }
}

/** @throws CommandError unless the servers on the database used these secrets */
async function refuseOtherSecrets(
  noted: (name: string) => Promise<string | null>,
  secrets: Pick<Secrets, 'jwtSecret' | 'plcRotationKeyHex'>,
): Promise<void> {
  for (const [name, mine] of Object.entries(secretNotes(secrets))) {
    const theirs = await noted(name)
    if (theirs === null || theirs === mine) continue
    throw new CommandError(
      `the servers on this database used another ${name === 'jwtSecret' ? 'PDS_JWT_SECRET' : 'rotation key'} than the one given here\n` +
        'Give their secrets: with others every session would end, or no identity could be changed',
    )
  }
}

/** Secrets that lie in the data directory of a server on Postgres lie in the new one too. @throws DataDirectoryError for others there */
async function keepWithData(
  config: PdsConfig,
  folder: string,
  { plcRotationKeyHex }: Pick<Secrets, 'plcRotationKeyHex'>,
): Promise<void> {
  const stored = readSecrets({ ...config, jwtSecret: null, adminPassword: null, plcRotationKeyHex: null })
  const kept = Object.fromEntries(Object.entries(stored).filter(([, value]) => value !== null))
  await keepSecrets(folder, kept)
  await noteRotationKey(folder, plcRotationKeyHex)
}

/** Reads every repository as those do who mirror it. */
async function walkAll(open: () => Promise<StoresView>, print: Print): Promise<string[]> {
  print('reading every repository')
  await using view = await open()
  const dids = await view.accounts.dids()
  const findings = await repoChecks(view, dids, dids.length)
  return findings
    .filter(({ level }) => level === 'bad')
    .map(
      ({ what, detail }) =>
        `${what}: ${detail} (in the source too: look there with avocet-pds doctor --deep)`,
    )
}

function stepsToPostgres(config: PdsConfig, { schema }: PostgresPlace): string[] {
  const data = resolve(config.dataDirectory)
  const aside = join(data, MOVED_FOLDER)
  return [
    'Moved. Next:',
    `  1. mkdir ${aside} && mv ${join(data, 'pds.sqlite')}* ${aside}/`,
    '  2. set PDS_DB_POSTGRES_URL to what --to was' +
      (schema === null ? '' : `, and PDS_DB_POSTGRES_SCHEMA=${schema}`),
    `  3. start the server, with the same data directory: secrets stay there, blobs in ${blobsIn(config)}`,
    'A second process needs the same secrets, and the same blobs: in S3, or in a folder that all of them see.',
    'The way back, as long as no server ran on Postgres: unset what was set, and put the files back.',
    `From then on: stop the servers, and run with the same settings: avocet-pds move --to ${data}`,
  ]
}

function stepsToSqlite(config: PdsConfig, folder: string): string[] {
  const isSame = folder === resolve(config.dataDirectory)
  const own = join(folder, 'blobs')
  const blobs = resolve(blobFolder(config))
  return [
    'Moved. Next:',
    '  1. remove PDS_DB_POSTGRES_URL, PDS_DB_POSTGRES_SCHEMA and PDS_DB_POSTGRES_POOL_SIZE from the settings',
    ...(isSame ? [] : [`  2. set PDS_DATA_DIRECTORY=${folder}`]),
    ...(config.blobBucket === null && config.blobDirectory === null && blobs !== own
      ? [`  3. set PDS_BLOBSTORE_DISK_LOCATION=${blobs}, where the blobs stay, or move them to ${own}`]
      : []),
    '  Then start one server: the others must not run, on either database',
    'What is on Postgres is as it was, and old from now on: rename or drop it, so that no process starts on it.',
    `The way back: put ${join(folder, 'pds.sqlite')} aside, and set what was removed. Once a server ran here: avocet-pds move --to postgres://…`,
  ]
}

const blobsIn = (config: PdsConfig): string =>
  config.blobBucket === null ? resolve(blobFolder(config)) : `the bucket ${config.blobBucket.bucket}`
