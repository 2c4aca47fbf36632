// A server on Postgres: what keeps it from starting is said with the next step, and what operators do works, or says what else to do.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openDatabase } from '@avocet/postgres'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { createProgram } from '../src/commands/program.ts'
import { resolveConfig, type PdsConfig } from '../src/config/config.ts'
import { explainFailure } from '../src/config/explain-failure.ts'
import { openStorage } from '../src/storage.ts'
import { checkServer } from '../src/stores/postgres/failures.ts'
import { openSqliteStores } from '../src/stores/sqlite/stores.ts'
import { SILENT } from '../src/logger.ts'
import { accountChange, DID } from './store-fixture.ts'
import { ADMIN_PASSWORD, startNetwork, type TestNetwork } from './network.ts'

const server = await startPostgres()
afterAll(() => server?.close())

const PLACE = { schema: null, poolSize: 4 }

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'avocet-pds-postgres-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

/** What the operator is told of a start that fails. */
async function startFailure(config: Partial<PdsConfig> & { url: string }): Promise<string> {
  const { url, ...rest } = config
  const dataDirectory = rest.dataDirectory ?? (await folder())
  const options = resolveConfig({ postgres: { ...PLACE, url }, ...rest, dataDirectory })
  const failed = await openStorage(options, SILENT).then(
    async (storage) => {
      await storage[Symbol.asyncDispose]()
      return null
    },
    (error: unknown) => error,
  )
  return failed === null ? 'started' : explainFailure(failed)
}

test('a server that is not there, or that says nothing', async () => {
  const closed = createServer()
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
  const { port } = closed.address() as { port: number }
  await new Promise((resolve) => closed.close(resolve))
  expect(await startFailure({ url: `postgres://me:secret@127.0.0.1:${port}/pds` })).toBe(
    `cannot reach the Postgres server; host=127.0.0.1 port=${port} database=pds user=me\n` +
      'Start it, or correct host and port in PDS_DB_POSTGRES_URL',
  )
  expect(await startFailure({ url: 'postgres://me:secret@no-such-host.invalid/pds' })).toMatch(
    /^cannot reach the Postgres server; host=no-such-host.invalid port=5432 database=pds user=me\n.*PDS_DB_POSTGRES_URL|name servers/,
  )
})

test('a version that is too old, and another encoding', () => {
  const url = 'postgres://me:secret@db/pds'
  expect(() => checkServer(150_000, 'UTF8', url)).not.toThrow()
  expect(() => checkServer(140_012, 'UTF8', url)).toThrow(
    'Postgres 15 or newer is needed, this one is 14; host=db port=5432 database=pds user=me\nUpgrade the server',
  )
  expect(() => checkServer(160_001, 'SQL_ASCII', url)).toThrow(
    'the database must be in UTF8, this one is in SQL_ASCII',
  )
})

// Not skipped in silence: `startPostgres` has said that there is none.
describe.skipIf(server === null)('on a server', () => {
  const url = server?.url ?? ''
  const admin = async (...statements: string[]): Promise<void> => {
    await using db = openDatabase({ url, poolSize: 1 })
    for (const statement of statements) await db.query(statement)
  }
  const urlOf = (change: (url: URL) => void): string => {
    const changed = new URL(url)
    change(changed)
    return changed.href
  }

  test('no such database; a user without rights; a schema that is made', async () => {
    expect(await startFailure({ url: urlOf((to) => (to.pathname = '/nowhere')) })).toMatch(
      /^there is no such database; .* database=nowhere user=postgres\nMake it: createdb --encoding=UTF8/,
    )
    await admin('CREATE ROLE guest LOGIN')
    const guest = urlOf((to) => (to.username = 'guest'))
    expect(await startFailure({ url: guest })).toMatch(
      /^this user may not make tables in the database; .* user=guest\n.*GRANT CREATE ON DATABASE/,
    )
    const postgres = { url, schema: 'made_at_start', poolSize: 4 }
    expect(await startFailure({ url, postgres })).toBe('started')
    await admin('SELECT 1 FROM made_at_start.account')
  })

  test('a wrong password: its text is not shown', async () => {
    // Passwords are not asked for on this server: the error is what one that asks would answer.
    const { explained } = await import('../src/stores/postgres/failures.ts')
    const refused = Object.assign(new Error('password authentication failed for user "me"'), {
      code: '28P01',
    })
    const { message } = explained(refused, 'postgres://me:s3cret@db/pds') as Error
    expect(message).toContain(
      'the Postgres server refuses the password; host=db port=5432 database=pds user=me\n',
    )
    expect(message).not.toContain('s3cret')
  })

  test('a database of a newer version', async () => {
    const postgres = { url, schema: 'newer', poolSize: 4 }
    expect(await startFailure({ url, postgres })).toBe('started')
    await admin("UPDATE newer.schema_versions SET version = 99 WHERE name = 'operations'")
    expect(await startFailure({ url, postgres })).toMatch(
      /^the database was upgraded by a newer version of this program; .*\n.*start the newer version again/,
    )
  })

  test('accounts in the data directory, and blobs beside a new database, are not passed over', async () => {
    const dataDirectory = await folder()
    const stores = await openSqliteStores(resolveConfig({ dataDirectory }))
    await stores.apply({ accounts: [accountChange(DID, 'a.test')] })
    await stores[Symbol.asyncDispose]()
    expect(await startFailure({ url, dataDirectory })).toMatch(
      /^the accounts of this server are in its data directory, and PDS_DB_POSTGRES_URL names another database/,
    )
    const blobDirectory = await folder()
    await mkdir(join(blobDirectory, DID))
    await writeFile(join(blobDirectory, DID, 'x'), 'x')
    const postgres = { url, schema: 'new_beside_blobs', poolSize: 4 }
    expect(await startFailure({ url, postgres, blobDirectory })).toMatch(
      /^there are blobs of accounts, and the database is a new one; blobs=/,
    )
  })

  describe('what operators do', () => {
    let net: TestNetwork
    let env: Record<string, string>
    beforeAll(async () => {
      const postgres = { url, schema: 'operated', poolSize: 6 }
      net = await startNetwork({ config: { postgres } })
      env = {
        PDS_DATA_DIRECTORY: net.folder,
        PDS_DID_PLC_URL: net.directory.url,
        PDS_DB_POSTGRES_URL: url,
        PDS_DB_POSTGRES_SCHEMA: 'operated',
        PDS_ADMIN_PASSWORD: ADMIN_PASSWORD,
        PDS_PORT: String(net.pds.port),
      }
    })
    afterAll(() => net[Symbol.asyncDispose]())
    const run = async (...argv: string[]): Promise<string[]> => {
      const lines: string[] = []
      const print = (line: string): void => void lines.push(line)
      const serve = (): Promise<void> => Promise.reject(new Error('not asked for'))
      await createProgram({ env, print, serve }).parseAsync(argv, { from: 'user' })
      return lines
    }

    test('the doctor looks at repositories, blobs and identities', async () => {
      const anna = await net.account()
      const record = { $type: 'com.example.note', text: 'x' }
      const input = { repo: anna.did, collection: 'com.example.note', record }
      expect((await net.post('com.atproto.repo.createRecord', { token: anna.accessJwt, input })).status).toBe(
        200,
      )
      for (const flags of [[], ['--deep']]) {
        const { findings } = JSON.parse((await run('doctor', '--json', ...flags)).join('\n'))
        const bad = findings.filter(({ level }: { level: string }) => level === 'bad')
        expect(bad).toEqual([])
        const said = (what: string): string =>
          findings.find((finding: { what: string }) => finding.what === what)?.detail
        expect(said('database')).toMatch(/^Postgres 1\d/)
        expect(said('event log')).toMatch(/^events 1 to \d+$/)
        expect(said('repositories')).toBe('1 of 1 read, each whole, signed and indexed')
        expect(said('blobs')).toBe(flags.length === 0 ? '0 files are there' : '0 files read and hashed')
        expect(said('identities')).toBe('1 asked for, all as they are here')
      }
      await admin("UPDATE operated.record SET cid = 'bafkother' WHERE collection = 'com.example.note'")
      await expect(run('doctor', '--json')).rejects.toThrow('checks failed')
    })

    test('the doctor makes, upgrades and removes nothing', async () => {
      const insert = `INSERT INTO operated.repo (rev, data, head, status, touched)
        VALUES ('', '', '', 'active', now() - interval '1 day')`
      await admin(insert)
      await run('doctor', '--json').catch(() => {})
      await admin(`DO $$ BEGIN ASSERT (SELECT count(*) FROM operated.repo WHERE did IS NULL) = 1; END $$`)
      await admin('DELETE FROM operated.repo WHERE did IS NULL')

      // A part that a version before this one left there.
      await admin(
        'ALTER FUNCTION operated.repo_server_commit_2 RENAME TO kept',
        "UPDATE operated.schema_versions SET version = version - 1 WHERE name = 'records'",
      )
      const lines: string[] = []
      const looking = createProgram({ env, print: (line) => lines.push(line), serve: () => Promise.reject() })
      await expect(looking.parseAsync(['doctor'], { from: 'user' })).rejects.toThrow('checks failed')
      expect(lines.join('\n')).toContain(
        'the database is of another version of this program (records 3, known 4)',
      )
      await admin(
        'ALTER FUNCTION operated.kept RENAME TO repo_server_commit_2',
        "UPDATE operated.schema_versions SET version = version + 1 WHERE name = 'records'",
      )

      const elsewhere = { ...env, PDS_DB_POSTGRES_SCHEMA: 'never_made' }
      const program = createProgram({ env: elsewhere, print: () => {}, serve: () => Promise.reject() })
      await expect(program.parseAsync(['doctor'], { from: 'user' })).rejects.toThrow('checks failed')
      await expect(admin('CREATE SCHEMA never_made')).resolves.toBeUndefined()
    })

    test('the audit log is printed', async () => {
      await net.post('com.atproto.admin.disableInviteCodes', { admin: true, input: { codes: [] } })
      expect((await run('audit', '--limit', '1'))[0]).toContain('operator\tdone')
    })

    test.each([
      ['backup', 'pg_dump'],
      ['restore', 'pg_restore'],
      ['rollback', 'pg_restore'],
      ['adopt', 'Remove PDS_DB_POSTGRES_URL'],
    ])('%s says what to do instead', async (command, instead) => {
      const failed = run(command, join(net.folder, 'x'))
      await expect(failed).rejects.toThrow(`avocet-pds ${command} is for a server on SQLite`)
      await expect(failed).rejects.toThrow(instead)
    })

    test('after pg_restore numbers go on above, and every account is announced', async () => {
      await net.pds.close()
      const [said] = await run('announce-restored')
      expect(said).toMatch(/^events go on from number 10000\d\d, 1 account announced \(0 inactive\)$/)
      await net.start()
    })
  })
})
