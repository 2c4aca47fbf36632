// Steps 6 and 8: operations that are not what the signed tree says.

import { encode } from '@avocet/cbor'
import { cidForCbor, type DataObject } from '@avocet/data'
import type { CommitData, WriteInput } from '@avocet/repo'
import type { FailureReason } from '../../reasons.ts'
import { block, forge, treeWith } from '../forge.ts'
import type { Case, Group } from '../script.ts'
import { type Account, create, post, remove, update, type World } from '../world.ts'
import { attempt, goesOn, settled } from './accounts.ts'

type Prepared = {
  readonly world: World
  readonly account: Account
  readonly commit: CommitData
  readonly body: DataObject
}

/** One commit (create g, update a, delete b unless told otherwise), refused for one reason. */
function refusedCase(
  group: Group,
  name: string,
  reason: FailureReason,
  about: string,
  make: (prepared: Prepared) => DataObject | Promise<DataObject>,
  writes: readonly WriteInput[] = [create('g'), update('a', post('new')), remove('b')],
): Case {
  return {
    name,
    group,
    about,
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await attempt(world, account, ...writes)
      script.reject(reason, '#commit', await make({ world, account, commit, body: world.event(commit) }))
      await goesOn(script, world, account)
    },
  }
}

const ops = (body: DataObject): DataObject[] => body['ops'] as DataObject[]

function withOps(body: DataObject, change: (list: DataObject[]) => DataObject[]): DataObject {
  return { ...body, ops: change(ops(body)) }
}

function replaceOp(body: DataObject, index: number, change: DataObject): DataObject {
  return withOps(body, (list) => list.map((op, i) => (i === index ? { ...op, ...change } : op)))
}

/** A commit of a record whose block is these bytes. */
async function rawRecord({ world, account, commit }: Prepared, bytes: Uint8Array): Promise<DataObject> {
  const path = 'app.bsky.feed.post/g'
  const cid = cidForCbor(bytes)
  const tree = treeWith(account, [[path, cid]])
  return forge(world, account, commit, {
    data: tree.root,
    add: [...tree.blocks, [cid, bytes]],
    envelope: { ops: [{ action: 'create', path, cid }] },
  })
}

/** Operations that are not what the signed tree says. */
export const OPERATION_CASES: readonly Case[] = [
  refusedCase(
    'operations',
    'operation-twice',
    'op-duplicate-path',
    'One operation is listed twice.',
    ({ body }) => withOps(body, (list) => [...list, list[0]!]),
  ),
  refusedCase(
    'operations',
    'operation-cid-forged',
    'op-cid-mismatch',
    'A create names another record than the tree holds; its block is there.',
    ({ world, account, commit }) => {
      const other = block(post('not what was signed'))
      return forge(world, account, commit, {
        add: [[other.cid, other.bytes]],
        envelope: { ops: [{ action: 'create', path: 'app.bsky.feed.post/g', cid: other.cid }] },
      })
    },
    [create('g')],
  ),
  refusedCase(
    'operations',
    'operation-path-forged',
    'op-not-in-tree',
    'A create names a path that the tree does not have.',
    ({ body }) => replaceOp(body, 0, { path: 'app.bsky.feed.post/elsewhere' }),
    [create('g')],
  ),
  refusedCase(
    'operations',
    'operation-invented',
    'op-not-in-tree',
    'An operation is added that never happened; its record is there.',
    ({ world, account, commit, body }) => {
      const forged = block(post('forged'))
      const op = { action: 'create', path: 'app.bsky.feed.post/forged', cid: forged.cid }
      return forge(world, account, commit, {
        add: [[forged.cid, forged.bytes]],
        envelope: { ops: [...ops(body), op] },
      })
    },
  ),
  refusedCase(
    'operations',
    'record-missing',
    'record-missing',
    'The record of a create is not in the CAR.',
    ({ world, account, commit, body }) =>
      forge(world, account, commit, { drop: [ops(body)[0]!['cid'] as never] }),
    [create('g')],
  ),
  refusedCase(
    'operations',
    'record-not-an-object',
    'record-malformed',
    'The signed tree points at a block that is a list.',
    (prepared) => rawRecord(prepared, encode([1, 2, 3]).slice()),
    [create('g')],
  ),
  refusedCase(
    'operations',
    'record-with-float',
    'record-malformed',
    'The signed tree points at a record with a floating-point number.',
    (prepared) => {
      const head = [0xa1, 0x61, 0x78, 0xfb]
      return rawRecord(prepared, Uint8Array.from([...head, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]))
    },
    [create('g')],
  ),
  refusedCase(
    'operations',
    'record-not-canonical',
    'record-malformed',
    'The signed tree points at a record whose keys are not in order.',
    (prepared) => rawRecord(prepared, Uint8Array.from([0xa2, 0x61, 0x62, 0x01, 0x61, 0x61, 0x02])),
    [create('g')],
  ),
  refusedCase(
    'operations',
    'record-too-big',
    'record-too-big',
    'A record above 1 000 000 bytes, signed and in the tree.',
    (prepared) => rawRecord(prepared, encode(post('x', 1_000_100)).slice()),
    [create('g')],
  ),
  refusedCase(
    'operations',
    'delete-still-there',
    'delete-still-present',
    'A delete of a record that is in the signed tree.',
    ({ account, body }) =>
      withOps(body, (list) => [
        ...list,
        {
          action: 'delete',
          path: 'app.bsky.feed.post/c',
          cid: null,
          prev: account.records.get('app.bsky.feed.post/c')!.cid,
        },
      ]),
  ),
  refusedCase(
    'operations',
    'collection-invalid',
    'op-path-invalid',
    'A path whose collection is no NSID.',
    ({ body }) => replaceOp(body, 0, { path: 'post/g' }),
    [create('g')],
  ),
  refusedCase(
    'operations',
    'record-key-invalid',
    'op-path-invalid',
    'A path whose record key is not legal.',
    ({ body }) => replaceOp(body, 0, { path: 'app.bsky.feed.post/..' }),
    [create('g')],
  ),
  refusedCase(
    'operations',
    'path-with-two-slashes',
    'op-path-invalid',
    'A path of three parts.',
    ({ body }) => replaceOp(body, 0, { path: 'app.bsky.feed.post/a/b' }),
    [create('g')],
  ),
]

/** Operations that do not lead from the tree before to the tree after. */
export const INVERSION_CASES: readonly Case[] = [
  refusedCase(
    'inversion',
    'operation-omitted',
    'inversion-mismatch',
    'One of two creates is not listed.',
    ({ body }) => withOps(body, (list) => list.slice(1)),
    [create('g'), create('h')],
  ),
  refusedCase(
    'inversion',
    'operations-all-omitted',
    'inversion-mismatch',
    'No operation is listed though the tree changed.',
    ({ body }) => ({ ...body, ops: [] }),
    [create('g')],
  ),
  refusedCase(
    'inversion',
    'delete-omitted',
    'inversion-mismatch',
    'A delete is not listed.',
    ({ body }) => withOps(body, (list) => list.slice(0, 1)),
    [create('g'), remove('b')],
  ),
  refusedCase(
    'inversion',
    'prevdata-forged',
    'inversion-mismatch',
    '`prevData` is not the tree before.',
    ({ body }) => ({ ...body, prevData: block({ any: 'tree' }).cid }),
  ),
  refusedCase(
    'inversion',
    'update-prev-forged',
    'inversion-mismatch',
    'An update says that there was another record before.',
    ({ body }) => replaceOp(body, 0, { prev: block({ any: 'record' }).cid }),
    [update('a', post('new'))],
  ),
  refusedCase(
    'inversion',
    'delete-prev-forged',
    'inversion-mismatch',
    'A delete says that there was another record before.',
    ({ body }) => replaceOp(body, 0, { prev: block({ any: 'record' }).cid }),
    [remove('a')],
  ),
  refusedCase(
    'inversion',
    'update-shown-as-create',
    'inversion-mismatch',
    'An update is listed as a create.',
    ({ body }) =>
      withOps(body, (list) => list.map(({ path, cid }) => ({ action: 'create', path: path!, cid: cid! }))),
    [update('a', post('new'))],
  ),
  refusedCase(
    'inversion',
    'create-shown-as-update',
    'inversion-mismatch',
    'A create is listed as an update of something.',
    ({ body }) => replaceOp(body, 0, { action: 'update', prev: block({ any: 'record' }).cid }),
    [create('g')],
  ),
  refusedCase(
    'inversion',
    'empty-commit-prevdata-forged',
    'inversion-mismatch',
    'A commit without operations claims that the tree was another one before.',
    ({ body }) => ({ ...body, prevData: block({ any: 'tree' }).cid }),
    [],
  ),
  refusedCase(
    'inversion',
    'prevdata-absent',
    'legacy-commit',
    'A commit from before Sync 1.1: no `prevData`, so nothing can be checked against it.',
    ({ body }) => {
      const { prevData: _, ...rest } = body
      return rest
    },
  ),
  refusedCase(
    'inversion',
    'prev-absent',
    'legacy-commit',
    'An update without `prev`.',
    ({ body }) =>
      withOps(body, (list) =>
        list.map(({ action, path, cid }) => ({ action: action!, path: path!, cid: cid! })),
      ),
    [update('a', post('new'))],
  ),
  {
    name: 'first-commit-with-more',
    group: 'inversion',
    about: 'A first commit whose tree holds more than it lists.',
    async build(script, world) {
      const account = world.createAccount()
      const commit = await attempt(world, account, create('a'), create('hidden'))
      const body = world.event(commit)
      script.reject(
        'inversion-mismatch',
        '#commit',
        withOps(body, (list) => list.slice(0, 1)),
      )
      script.accept('#commit', world.event(await world.commit(account, [create('a')])), 'goes on')
    },
  },
]
