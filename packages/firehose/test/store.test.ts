// The state as the consumer sees it: what was not confirmed since its source lost events is not whole.

import { cidForRaw } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { expect, it } from 'vitest'
import { createMemoryState, newRepo, type RepoState } from '../src/index.ts'
import { createStore } from '../src/store.ts'

const did: Did = 'did:web:a.example'
const rev = '3mbd354z2m322'
const data = cidForRaw(new Uint8Array())

it.each([
  ['confirmed after the gap', { confirmedAt: 501, lastSource: 's' }, 'synchronized'],
  ['at the same moment', { confirmedAt: 500, lastSource: 's' }, 'unconfirmed'],
  ['before it', { confirmedAt: 499, lastSource: 's' }, 'unconfirmed'],
  ['never', { confirmedAt: null, lastSource: null }, 'unconfirmed'],
  ['never read', { confirmedAt: null, lastSource: 's', rev: null, data: null }, 'synchronized'],
  ['in doubt already', { confirmedAt: null, lastSource: 's', status: 'suspect' }, 'suspect'],
] as const)('a repo %s', async (_, change, status) => {
  const state = createMemoryState()
  const repo: RepoState = { ...newRepo(did), status: 'synchronized', reason: null, rev, data, ...change }
  await state.save({ repo })
  const store = createStore({ state, onEvent() {} }, 10, () => 500)
  // From the store, then from the cache.
  for (let i = 0; i < 2; i++) expect(await store.load(did)).toMatchObject({ status })
})
