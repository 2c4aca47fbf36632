import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import type { PdsOptions } from '../src/app.ts'
import { MOVED_TABLES } from '../src/stores/moved-tables.ts'
import { startDirectory, type TestDirectory } from './directory.ts'
import { post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

/** Tokens are made out to this, and the port is another after each start. */
export const CONFIG: Partial<PdsOptions> = {
  serviceDid: 'did:web:pds.test',
  publicUrl: 'https://pds.test',
  postgres: null,
}

/** The data of a server that was used for everything that leaves rows, and is stopped. */
export interface UsedServer extends AsyncDisposable {
  readonly directory: TestDirectory
  readonly anna: TestAccount
  readonly bert: TestAccount
  readonly appPassword: string
  readonly blobCid: string
  /** A copy of its data directory. */
  copy(): Promise<string>
}

async function must(answer: Promise<{ status: number; body: any }>): Promise<any> {
  const { status, body } = await answer
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body
}

export async function startUsedServer(): Promise<UsedServer> {
  const directory = await startDirectory()
  const net = await startNetwork({ directory, config: CONFIG })
  const folders: string[] = []
  const anna = await net.account()
  const bert = await net.account()
  const [carl, dora] = [await net.account(), await net.account()]
  const { appPassword, blobCid } = await useAll(net, anna, bert, carl, dora)
  await net.pds.close()
  addRows(net.folder, anna.did)
  return {
    directory,
    anna,
    bert,
    appPassword,
    blobCid,
    copy: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-move-'))
      folders.push(folder)
      await cp(net.folder, folder, { recursive: true, preserveTimestamps: true })
      return folder
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(
        [...folders, net.folder].map((folder) => rm(folder, { recursive: true, force: true })),
      )
      await directory[Symbol.asyncDispose]()
    },
  }
}

async function useAll(
  net: TestNetwork,
  anna: TestAccount,
  bert: TestAccount,
  carl: TestAccount,
  dora: TestAccount,
): Promise<{ appPassword: string; blobCid: string }> {
  const token = anna.accessJwt
  const { password: appPassword } = await must(
    net.post('com.atproto.server.createAppPassword', { token, input: { name: 'phone', privileged: true } }),
  )
  // More blocks than one page of a move.
  for (let round = 0; round < 6; round++) {
    const writes = Array.from({ length: 200 }, (_, n) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: 'com.example.note',
      rkey: `n${round}-${n}`,
      value: { $type: 'com.example.note', text: `${round} ${n}` },
    }))
    await must(net.post('com.atproto.repo.applyWrites', { token, input: { repo: anna.did, writes } }))
  }
  const bytes = new TextEncoder().encode('a blob')
  const { blob } = await must(net.post('com.atproto.repo.uploadBlob', { token, bytes, type: 'text/plain' }))
  const create = (account: TestAccount, collection: string, record: object) =>
    must(
      net.post('com.atproto.repo.createRecord', {
        token: account.accessJwt,
        input: { repo: account.did, collection, record },
      }),
    )
  const file = { $type: 'com.example.file', file: blob }
  await must(
    net.post('com.atproto.repo.createRecord', {
      token,
      input: { repo: anna.did, collection: 'com.example.file', record: file, validate: false },
    }),
  )
  const { uri, cid } = await create(bert, 'app.bsky.feed.post', post('hello ☃'))
  const createdAt = '2026-01-01T00:00:00.000Z'
  await create(anna, 'app.bsky.feed.like', { $type: 'app.bsky.feed.like', subject: { uri, cid }, createdAt })
  await create(carl, 'app.bsky.feed.post', post('of one who left for a while'))
  const deleteAfter = '2030-01-01T00:00:00.000Z'
  await must(
    net.post('com.atproto.server.deactivateAccount', { token: carl.accessJwt, input: { deleteAfter } }),
  )
  const subject = { $type: 'com.atproto.admin.defs#repoRef', did: dora.did }
  await must(
    net.post('com.atproto.admin.updateSubjectStatus', {
      admin: true,
      input: { subject, takedown: { applied: true, ref: 'a "decision"' } },
    }),
  )
  await must(net.post('com.atproto.server.createInviteCode', { admin: true, input: { useCount: 2 } }))
  await must(net.post('com.atproto.server.reserveSigningKey', { input: {} }))
  const preferences = [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: false }]
  await must(net.post('app.bsky.actor.putPreferences', { token, input: { preferences } }))
  await must(net.post('com.atproto.server.requestAccountDelete', { token: bert.accessJwt }))
  await must(net.post('com.atproto.server.refreshSession', { token: bert.refreshJwt }))
  return { appPassword, blobCid: blob.ref.$link as string }
}

/** What the life of a server leaves only now and then. */
function addRows(folder: string, did: string): void {
  const db = new DatabaseSync(join(folder, 'pds.sqlite'))
  db.exec(`
    INSERT INTO handle_change (did, handle) VALUES ('${did}', 'other.test');
    INSERT INTO account_quota (did, blob_bytes) VALUES ('${did}', 4000000000000);
    INSERT INTO key_rotation (did, rotated_at) VALUES ('${did}', 1790000000000);
    INSERT INTO account_removal (did, before_seq, blobs_gone) VALUES ('did:plc:gone', 3, 1);
    INSERT INTO invite_use (code, used_by, used_at) SELECT code, '${did}', created_at FROM invite_code LIMIT 1;
    INSERT INTO factor (id, did, kind, name, secret, counter, transports, created_at)
      VALUES ('factor', '${did}', 'totp', 'App', x'00ff', 5, '[]', '2026-01-01T00:00:00.000Z');
    INSERT INTO recovery_code (did, hash) VALUES ('${did}', 'hash');
    INSERT INTO device (id, secret_hash, created_at, seen_at) VALUES ('device', 'hash', 1790000000000, 1790000000001);
    INSERT INTO device_sign_in (device, did, signed_in_at, expires_at, mark, request, remembered)
      VALUES ('device', '${did}', 1790000000000, 1790600000000, 'mark', NULL, 1);
    INSERT INTO oauth_request (id, client_id, dpop_thumbprint, parameters, created_at, expires_at)
      VALUES ('request', 'https://app.example.com/c.json', 'jkt', '{}', 1, 2);
    INSERT INTO oauth_session (id, did, client_id, dpop_thumbprint, scope, permissions, code_hash, created_at, generation,
      refreshed_at, expires_at)
      VALUES ('session', '${did}', 'https://app.example.com/c.json', 'jkt', 'atproto', 'atproto', 'code', 1, 2, 3, 4);
    INSERT INTO oauth_consent (did, client_id, scope, declined, updated_at)
      VALUES ('${did}', 'https://app.example.com/c.json', 'atproto', '', 5);
    INSERT INTO operator_session (id, mark, address, created_at, seen_at, expires_at)
      VALUES ('session', 'mark', '192.0.2.1', 1790000000000, 1790000000001, 1790000000002);
    INSERT INTO operator_factor (state, id, secret, counter, created_at)
      VALUES ('active', 'factor', x'00ff', 5, 1790000000000);
    INSERT INTO operator_recovery_code (hash) VALUES ('hash');
    INSERT INTO believed_clock (id, at) VALUES (1, 1790000000000) ON CONFLICT DO NOTHING;
    INSERT INTO repo (did, rev, data, head, status) VALUES (NULL, '', x'', x'', 'active');
    INSERT INTO record_set (did, state) VALUES ('${did}', 'dropped');
  `)
  const entry = db.prepare(
    `INSERT INTO audit (at, action, actor, did, attempt, detail) VALUES (?, 'sign-in', 'stranger', ?, 1, '{"a":"é\\u0000"}')`,
  )
  db.exec('BEGIN')
  for (let n = 0; n < 2200; n++) entry.run(n, n % 3 === 0 ? did : null)
  // Their numbers must not come again.
  db.exec('DELETE FROM audit WHERE id > (SELECT max(id) - 50 FROM audit); COMMIT')
  db.close()
}

/** Everything in a database of SQLite, to compare; blocks without their ids, which are made anew. */
export function dump(folder: string): Record<string, unknown> {
  const db = new DatabaseSync(join(folder, 'pds.sqlite'), { readOnly: true })
  const read = (sql: string): string[] =>
    db
      .prepare(sql)
      .all()
      .map((row) =>
        JSON.stringify(row, (_, value: unknown) =>
          value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
        ),
      )
  try {
    const tables = MOVED_TABLES.map(({ name, sqlite = name, columns, key }) => [
      sqlite,
      read(`SELECT ${Object.keys(columns).join(', ')} FROM ${sqlite} ORDER BY ${key.join(', ')}`),
    ])
    return {
      ...(Object.fromEntries(tables) as Record<string, string[]>),
      event_log: read('SELECT * FROM event_log'),
      sqlite_sequence: read('SELECT * FROM sqlite_sequence ORDER BY name'),
      tables: read("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"),
    }
  } finally {
    db.close()
  }
}
