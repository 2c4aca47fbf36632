// https://atproto.com/specs/lexicon#lexicon-evolution: all old data must be valid under the new version, and all new
// data under the old one.
import type { LexiconField, LexiconParam } from '@avocet/lexicon'
import { step, type Note } from './change.ts'

type Field = LexiconField | LexiconParam
type Properties = { readonly [name: string]: Field }
type Shape = {
  readonly properties: Properties
  readonly required?: readonly string[]
  readonly nullable?: readonly string[]
}

/** Notes what changed from one version of a field to the next. References count as the names they lead to. */
export function compareFields(
  old: Field,
  now: Field,
  path: string,
  note: Note,
  resolve: (ref: string) => string,
): void {
  if (old.type !== now.type) return note(step(path, 'type'), `was a ${old.type}, is a ${now.type}`)
  compareBounds(old, now, path, note)
  compareValues(old, now, path, note)
  if (old.type === 'string' && now.type === 'string' && old.format !== now.format) {
    note(step(path, 'format'), `had the format ${old.format ?? '(none)'}, has ${now.format ?? '(none)'}`)
  }
  if (old.type === 'ref' && now.type === 'ref' && resolve(old.ref) !== resolve(now.ref)) {
    note(step(path, 'ref'), `referred to ${old.ref}, refers to ${now.ref}`)
  }
  if (old.type === 'union' && now.type === 'union') {
    const [before, after] = [new Set(old.refs.map(resolve)), new Set(now.refs.map(resolve))]
    const isClosed = now.closed === true
    if ((old.closed === true) !== isClosed)
      note(step(path, 'closed'), isClosed ? 'was open, is closed' : 'was closed, is open')
    for (const ref of before) if (!after.has(ref)) note(step(path, 'refs'), `no longer takes ${ref}`)
    for (const ref of after) {
      if (!before.has(ref) && isClosed)
        note(step(path, 'refs'), `takes ${ref}, which the closed union did not`)
    }
  }
  if (old.type === 'array' && now.type === 'array') {
    compareFields(old.items, now.items, step(path, 'items'), note, resolve)
  }
  if (old.type === 'object' && now.type === 'object') compareShapes(old, now, path, note, resolve)
  if (old.type === 'blob' && now.type === 'blob') {
    const [before, after] = [old.accept ?? ['*/*'], now.accept ?? ['*/*']]
    if (before.toSorted().join(' ') !== after.toSorted().join(' ')) {
      note(step(path, 'accept'), `took ${before.join(', ')}, takes ${after.join(', ')}`)
    }
  }
}

/** The same for the properties of objects and params. */
export function compareShapes(
  old: Shape,
  now: Shape,
  path: string,
  note: Note,
  resolve: (ref: string) => string,
): void {
  const at = (name: string): string => step(step(path, 'properties'), name)
  const has = (shape: Shape, name: string): boolean => Object.hasOwn(shape.properties, name)
  const needs = (shape: Shape, name: string): boolean => shape.required?.includes(name) ?? false
  for (const [name, field] of Object.entries(old.properties)) {
    if (!has(now, name)) {
      if (needs(old, name)) note(at(name), `the required field ${name} is gone`)
      else note(at(name), `the field ${name} is gone; keep it and call it deprecated`, 'warning')
      continue
    }
    if (needs(old, name) && !needs(now, name))
      note(at(name), `${name} was required, is optional: new data fails the old version`)
    if (!needs(old, name) && needs(now, name))
      note(at(name), `${name} was optional, is required: old data fails the new version`)
    const [was, is] = [old.nullable?.includes(name) ?? false, now.nullable?.includes(name) ?? false]
    if (was !== is) note(at(name), is ? `${name} may be null now` : `${name} may no longer be null`)
    compareFields(field, now.properties[name]!, at(name), note, resolve)
  }
  for (const name of Object.keys(now.properties)) {
    if (!has(old, name) && needs(now, name))
      note(at(name), `the new field ${name} is required: old data fails the new version`)
  }
}

const LOWER = ['minimum', 'minLength', 'minGraphemes'] as const
const UPPER = ['maximum', 'maxLength', 'maxGraphemes', 'maxSize'] as const

function compareBounds(old: Field, now: Field, path: string, note: Note): void {
  const bound = (field: Field, key: string): number | undefined =>
    (field as { [key: string]: unknown })[key] as number | undefined
  for (const key of [...LOWER, ...UPPER]) {
    const [was, is] = [bound(old, key), bound(now, key)]
    if (was === is) continue
    const upper = (UPPER as readonly string[]).includes(key)
    const open = upper ? Infinity : -Infinity
    const isTighter = upper ? (is ?? open) < (was ?? open) : (is ?? open) > (was ?? open)
    const whose = isTighter ? 'old data fails the new version' : 'new data fails the old version'
    note(step(path, key), `${key} was ${was ?? 'absent'}, is ${is ?? 'absent'}: ${whose}`)
  }
}

function compareValues(old: Field, now: Field, path: string, note: Note): void {
  const values = (field: Field, key: string): unknown => (field as { [key: string]: unknown })[key]
  const shown = (value: unknown): string => (value === undefined ? 'absent' : JSON.stringify(value))
  for (const key of ['const', 'enum']) {
    const sorted = (value: unknown): string =>
      shown(Array.isArray(value) ? value.map(String).toSorted() : value)
    const [was, is] = [values(old, key), values(now, key)]
    if (sorted(was) !== sorted(is)) note(step(path, key), `${key} was ${shown(was)}, is ${shown(is)}`)
  }
  const [was, is] = [values(old, 'default'), values(now, 'default')]
  if (was !== is) note(step(path, 'default'), `the default was ${shown(was)}, is ${shown(is)}`, 'warning')
}
