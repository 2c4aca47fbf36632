import type { LexiconBody, LexiconDef, LexiconDocument, LexiconParams } from '@avocet/lexicon'
import { step, type Change, type Note } from './change.ts'
import { compareFields, compareShapes } from './field.ts'

/** What changed from the published version of a lexicon to the next that matters to those who use it. */
export function compareDocuments(old: LexiconDocument, now: LexiconDocument): Change[] {
  const changes: Change[] = []
  const note: Note = (path, message, severity = 'error') => changes.push({ path, message, severity })
  const full = (ref: string): string => {
    const absolute = ref.startsWith('#') ? `${old.id}${ref}` : ref
    return absolute.endsWith('#main') ? absolute.slice(0, -'#main'.length) : absolute
  }
  for (const [name, def] of Object.entries(old.defs)) {
    const path = step('/defs', name)
    const next = Object.hasOwn(now.defs, name) ? now.defs[name] : undefined
    if (next === undefined) note(path, `the definition ${name} is gone`)
    else if (next.type !== def.type) note(step(path, 'type'), `${name} was a ${def.type}, is a ${next.type}`)
    else compareDefs(def, next, path, note, full)
  }
  return changes
}

function compareDefs(
  old: LexiconDef,
  now: LexiconDef,
  path: string,
  note: Note,
  resolve: (ref: string) => string,
): void {
  if (old.type === 'record' && now.type === 'record') {
    if (old.key !== now.key) note(step(path, 'key'), `had keys of type ${old.key}, has ${now.key}`)
    return compareShapes(old.record, now.record, step(path, 'record'), note, resolve)
  }
  if (isMethod(old) && isMethod(now)) {
    compareParams(old.parameters, now.parameters, step(path, 'parameters'), note, resolve)
    compareErrors(old, now, path, note)
    if (old.type === 'subscription' && now.type === 'subscription') {
      const [was, is] = [old.message?.schema, now.message?.schema]
      if (was !== undefined && is !== undefined)
        compareFields(was, is, `${path}/message/schema`, note, resolve)
      else if (was !== is)
        note(step(path, 'message'), is === undefined ? 'has no messages any more' : 'has messages now')
      return
    }
    compareBodies('output', bodyOf(old, 'output'), bodyOf(now, 'output'), path, note, resolve)
    compareBodies('input', bodyOf(old, 'input'), bodyOf(now, 'input'), path, note, resolve)
    return
  }
  // Permission sets are made to grow, tokens have nothing to change.
  if (isField(old) && isField(now)) compareFields(old, now, path, note, resolve)
}

type MethodDef = Extract<LexiconDef, { type: 'query' | 'procedure' | 'subscription' }>
type FieldDef = Exclude<LexiconDef, MethodDef | { type: 'record' | 'token' | 'permission-set' }>

function isMethod(def: LexiconDef): def is MethodDef {
  return def.type === 'query' || def.type === 'procedure' || def.type === 'subscription'
}

function isField(def: LexiconDef): def is FieldDef {
  return !isMethod(def) && def.type !== 'record' && def.type !== 'token' && def.type !== 'permission-set'
}

function bodyOf(def: MethodDef, side: 'input' | 'output'): LexiconBody | undefined {
  return (def as { readonly [side: string]: unknown })[side] as LexiconBody | undefined
}

function compareParams(
  old: LexiconParams | undefined,
  now: LexiconParams | undefined,
  path: string,
  note: Note,
  resolve: (ref: string) => string,
): void {
  const none: LexiconParams = { type: 'params', properties: {} }
  compareShapes(old ?? none, now ?? none, path, note, resolve)
}

function compareBodies(
  side: 'input' | 'output',
  old: LexiconBody | undefined,
  now: LexiconBody | undefined,
  path: string,
  note: Note,
  resolve: (ref: string) => string,
): void {
  const at = step(path, side)
  if (old === undefined || now === undefined) {
    if (old !== now) note(at, now === undefined ? `has no ${side} any more` : `has an ${side} now`)
    return
  }
  if (old.encoding !== now.encoding) note(step(at, 'encoding'), `was ${old.encoding}, is ${now.encoding}`)
  if (old.schema !== undefined && now.schema !== undefined) {
    compareFields(old.schema, now.schema, step(at, 'schema'), note, resolve)
  } else if (old.schema !== now.schema) {
    note(step(at, 'schema'), now.schema === undefined ? 'has no schema any more' : 'has a schema now')
  }
}

function compareErrors(old: MethodDef, now: MethodDef, path: string, note: Note): void {
  const names = new Set(now.errors?.map((error) => error.name))
  for (const { name } of old.errors ?? []) {
    if (!names.has(name)) note(step(path, 'errors'), `no longer declares the error ${name}`, 'warning')
  }
}
