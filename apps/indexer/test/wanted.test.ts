// What is wanted: flags, what was chosen while it ran on top of them, and what follows of a change.

import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { beyond } from '../src/sync/collections.ts'
import { ALL, openWanted, type Wanted, type WantedFlags } from '../src/sync/wanted.ts'

const ada = 'did:web:ada.example' as Did
const ben = 'did:web:ben.example' as Did
const flags = { everything: false, collections: ['a.b.c', 'd.e.*'], signal: null, repos: [] }

let db: Database
beforeEach(() => {
  db = openIndexDatabase(null)
})
afterEach(() => db.close())

const open = (more: Partial<WantedFlags> = {}): Wanted => openWanted(db, { ...flags, ...more }, () => 5)
const removals = (): unknown[] => db.prepare('SELECT kind, name, position FROM removals').all()

describe('who is followed', () => {
  test('whoever claims something of a wanted collection, and whoever was named', () => {
    const { follows } = open({ repos: [ben] })
    expect(follows(ada, ['x.y.z', 'd.e.f'])).toBe(true)
    expect(follows(ada, ['x.y.z'])).toBe(false)
    expect(follows(ada, null)).toBe(false)
    expect(follows(ben, null)).toBe(true)
  })

  test('of a signal collection its owners alone, with the collections that are wanted', () => {
    const wanted = open({ signal: 's.s.s' })
    expect([wanted.follows(ada, ['a.b.c']), wanted.follows(ada, ['s.s.s'])]).toEqual([false, true])
    expect([wanted.isWanted('a.b.c'), wanted.isWanted('s.s.s')]).toEqual([true, false])
    expect(wanted.discovered()).toEqual(['s.s.s'])
    const whole = open({ signal: 's.s.s', collections: null })
    expect(whole.isWanted('x.y.z')).toBe(true)
  })

  test('everybody, when everything is wanted; nobody, when nothing was named', () => {
    expect(openWanted(db, ALL, () => 5).follows(ada, null)).toBe(true)
    expect(open({ collections: null }).follows(ada, ['a.b.c'])).toBe(false)
  })

  test('whoever was removed is not, whatever the flags say, until it is added again', async () => {
    for (const more of [ALL, { ...ALL, repos: [ada] }]) {
      const wanted = open(more)
      await wanted.choose('repo', [ada], false)
      expect([wanted.follows(ada, ['a.b.c']), open(more).follows(ada, ['a.b.c'])]).toEqual([false, false])
      expect(removals()).toEqual([{ kind: 'repo', name: ada, position: 0 }])
      await wanted.choose('repo', [ada], true)
      expect([wanted.follows(ada, null), open(more).follows(ada, null)]).toEqual([true, true])
      expect(removals()).toEqual([])
    }
  })
})

describe('collections', () => {
  test('what was added and removed stays on top of the flags, also of others', async () => {
    const wanted = open()
    await wanted.choose('collection', ['f.g.h'], true)
    await wanted.choose('collection', ['a.b.c'], false)
    expect(wanted.collections()).toEqual(['d.e.*', 'f.g.h'])
    expect(open().collections()).toEqual(['d.e.*', 'f.g.h'])
    expect(open({ collections: ['a.b.c', 'x.y.z'] }).collections()).toEqual(['x.y.z', 'f.g.h'])
    expect(open().chosen('collection')).toEqual({ added: 1, removed: 1 })
  })

  test('a new one has the repos read again, one that goes has its records removed; each once', async () => {
    const wanted = open()
    const first = wanted.label()
    expect(open().label()).toBe(first)
    await wanted.choose('collection', ['a.b.c'], false)
    expect(wanted.label()).toBe(first)
    expect(removals()).toEqual([{ kind: 'collections', name: '', position: 0 }])
    db.raw.exec('DELETE FROM removals')
    await wanted.choose('collection', ['a.b.c'], true)
    const second = wanted.label()
    // The choice is the one from before; what was read meanwhile was not.
    expect(second).not.toBe(first)
    expect(removals()).toEqual([])
    expect(open().label()).toBe(second)
    // Nor is it the one of the time before: a repo that was being read then lacks what came meanwhile.
    await wanted.choose('collection', ['a.b.c'], false)
    await wanted.choose('collection', ['a.b.c'], true)
    expect([first, second]).not.toContain(wanted.label())
  })

  test('the same when flags change between two starts', () => {
    const first = open().label()
    expect(open({ collections: ['d.e.*'] }).label()).toBe(first)
    expect(removals()).toHaveLength(1)
    db.raw.exec('DELETE FROM removals')
    // Of a namespace that is wanted nothing is new.
    expect(open({ collections: ['d.e.*', 'd.e.f'] }).label()).toBe(first)
    const wider = open({ collections: null }).label()
    expect(wider).not.toBe(first)
    expect(removals()).toEqual([])
    open()
    expect(removals()).toHaveLength(1)
  })

  test.each([
    [['a.b.c'], ['a.b.c'], []],
    [['a.b.c'], ['a.b.*'], []],
    [['a.b.*'], ['a.b.c'], ['a.b.*']],
    [['a.b.c.*'], ['a.b.*'], []],
    [['a.bc.d'], ['a.b.*'], ['a.bc.d']],
    [null, ['a.b.c'], null],
    [['a.b.c'], null, []],
    [null, null, []],
  ] as const)('%j wants beyond %j: %j', (patterns, others, more) => {
    expect(beyond(patterns, others)).toEqual(more)
  })
})
