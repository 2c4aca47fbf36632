// https://atproto.com/specs/lexicon#lexicon-files
import { isLanguage, isNsid, isRecordKeyType } from '@avocet/syntax'
import type { LexiconDocument } from '../document.ts'
import { checkField, checkObject, checkParams, checkUnion, isDefName, NAMED_FIELDS } from './field.ts'
import {
  isBoolean,
  isInteger,
  isString,
  isStrings,
  Report,
  step,
  type Fields,
  type LexiconIssue,
} from './report.ts'

/** Why a document is no lexicon: everything that is wrong with it. */
export type LexiconRefusal = {
  readonly code: 'invalid-lexicon'
  /** The first issue in one line. */
  readonly message: string
  readonly issues: readonly LexiconIssue[]
}

/** Definitions in one document. */
const MAX_DEFS = 10_000

/**
 * Checks a lexicon document (parsed JSON, or a `com.atproto.lexicon.schema` record) and types it. The value itself
 * is returned, not a copy; fields that the language does not know are left in it. References to other documents are
 * checked by `createCatalog`.
 */
export function parseLexicon(
  json: unknown,
): { ok: true; value: LexiconDocument } | { ok: false; error: LexiconRefusal } {
  const report = new Report()
  checkDocument(json, report)
  const { issues } = report
  if (issues.length === 0) return { ok: true, value: json as LexiconDocument }
  const [first] = issues
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  const message = `not a lexicon; ${first!.path || '/'} ${first!.message}${more}`
  return { ok: false, error: { code: 'invalid-lexicon', message, issues } }
}

function checkDocument(json: unknown, report: Report): void {
  const fields = report.object(json, '')
  if (fields === null) return
  report.field(fields, '', 'lexicon', (version) => version === 1, '1', true)
  report.field(fields, '', 'id', isNsid, 'an NSID', true)
  report.field(fields, '', 'revision', isInteger, 'an integer')
  report.field(fields, '', 'description', isString, 'a string')
  const defs = report.object(fields['defs'], '/defs')
  if (defs === null) return
  const names = Object.keys(defs)
  if (names.length === 0) report.add('/defs', 'must hold at least one definition')
  if (names.length > MAX_DEFS) return report.add('/defs', `must hold at most ${MAX_DEFS} definitions`)
  for (const name of names) {
    const path = step('/defs', name.slice(0, 256))
    if (isDefName(name)) checkDef(defs[name], name, path, report)
    else report.add(path, 'is no name for a definition (a letter, then letters, digits, - . _)')
  }
}

type Primary = (fields: Fields, path: string, report: Report) => void

const PRIMARY: ReadonlyMap<string, Primary> = new Map<string, Primary>([
  ['record', checkRecord],
  ['query', checkMethod],
  ['procedure', checkMethod],
  ['subscription', checkMethod],
  ['permission-set', checkPermissionSet],
])

function checkDef(value: unknown, name: string, path: string, report: Report): void {
  const fields = report.object(value, path)
  if (fields === null) return
  const type = Object.hasOwn(fields, 'type') ? fields['type'] : undefined
  if (typeof type !== 'string') return report.add(step(path, 'type'), 'must name a type')
  const primary = PRIMARY.get(type)
  if (primary !== undefined) {
    if (name !== 'main') return report.add(step(path, 'type'), `a ${type} must be named main`)
    report.field(fields, path, 'description', isString, 'a string')
    return primary(fields, path, report)
  }
  if (type === 'token') {
    report.field(fields, path, 'description', isString, 'a string')
    return undefined
  }
  if (!NAMED_FIELDS.has(type)) {
    const known = ['unknown', 'ref', 'union', 'params', 'permission'].includes(type)
    return report.add(
      step(path, 'type'),
      known ? `a ${type} cannot be a named definition` : `no such type: ${JSON.stringify(type.slice(0, 80))}`,
    )
  }
  return checkField(fields, path, report)
}

function checkRecord(fields: Fields, path: string, report: Report): void {
  report.field(
    fields,
    path,
    'key',
    isRecordKeyType,
    'a record key type: tid, nsid, any or literal:<value>',
    true,
  )
  const at = step(path, 'record')
  const record = report.object(fields['record'], at)
  if (record === null) return
  report.field(record, at, 'type', (type) => type === 'object', '"object"', true)
  report.field(record, at, 'description', isString, 'a string')
  checkObject(record, at, report)
}

function checkMethod(fields: Fields, path: string, report: Report): void {
  const type = fields['type']
  if (fields['parameters'] !== undefined) checkParams(fields['parameters'], step(path, 'parameters'), report)
  if (type === 'subscription') {
    report.field(fields, path, 'subprotocol', isToken, 'the name of a subprotocol')
    if (fields['message'] !== undefined) checkMessage(fields['message'], step(path, 'message'), report)
  } else {
    checkBody(fields, path, 'output', report)
    if (type === 'procedure') checkBody(fields, path, 'input', report)
    else if (fields['input'] !== undefined) report.add(step(path, 'input'), 'a query takes no input')
  }
  checkErrors(fields['errors'], step(path, 'errors'), report)
}

/** Whether a value is a token of HTTP, as the names of subprotocols are. */
function isToken(value: unknown): boolean {
  return isString(value) && /^[!#$%&'*+.^_`|~\w-]{1,256}$/.test(value)
}

function checkMessage(value: unknown, path: string, report: Report): void {
  const message = report.object(value, path)
  const schema = message && report.object(message['schema'], step(path, 'schema'))
  if (schema !== null && schema['type'] !== 'union') {
    report.add(step(step(path, 'schema'), 'type'), 'must be "union"')
  } else if (schema !== null) {
    checkUnion(schema, step(path, 'schema'), report)
  }
}

const BODIES: ReadonlySet<string> = new Set(['object', 'ref', 'union'])

function checkBody(fields: Fields, path: string, key: string, report: Report): void {
  if (fields[key] === undefined) return
  const at = step(path, key)
  const body = report.object(fields[key], at)
  if (body === null) return
  report.field(body, at, 'description', isString, 'a string')
  report.field(body, at, 'encoding', (value) => isString(value) && value !== '', 'a MIME type', true)
  if (body['schema'] !== undefined) checkField(body['schema'], step(at, 'schema'), report, BODIES)
}

function checkErrors(errors: unknown, path: string, report: Report): void {
  if (errors === undefined) return
  if (!Array.isArray(errors)) return report.add(path, 'must be an array')
  errors.forEach((value: unknown, i) => {
    const error = report.object(value, step(path, i))
    if (error === null) return
    const isName = (name: unknown): boolean => isString(name) && /^\S{1,256}$/.test(name)
    report.field(error, step(path, i), 'name', isName, 'a name without spaces', true)
    report.field(error, step(path, i), 'description', isString, 'a string')
  })
}

function checkPermissionSet(fields: Fields, path: string, report: Report): void {
  for (const key of ['title', 'detail']) {
    report.field(fields, path, key, isString, 'a string')
    const translations = fields[`${key}:lang`]
    if (translations === undefined) continue
    report.entries(translations, step(path, `${key}:lang`), (text, at, language) => {
      if (!isLanguage(language)) report.add(at, 'must be named by a language code')
      if (!isString(text)) report.add(at, 'must be a string')
    })
  }
  const at = step(path, 'permissions')
  if (!Array.isArray(fields['permissions'])) return report.add(at, 'must be an array of permissions')
  fields['permissions'].forEach((value: unknown, i) => {
    const permission = report.object(value, step(at, i))
    if (permission !== null) checkPermission(permission, step(at, i), report)
  })
}

/** Resources beyond `repo` and `rpc` may come; they are for whoever grants permissions to ignore. */
function checkPermission(fields: Fields, path: string, report: Report): void {
  report.field(fields, path, 'type', (type) => type === 'permission', '"permission"', true)
  report.field(fields, path, 'resource', (value) => isString(value) && value !== '', 'a resource', true)
  const isSet = (value: unknown): value is string[] =>
    isStrings(value) && value.length > 0 && new Set(value).size === value.length
  if (fields['resource'] === 'repo') {
    const isNsids = (value: unknown): boolean => isSet(value) && value.every(isNsid)
    report.field(fields, path, 'collection', isNsids, 'an array of different NSIDs', true)
    const isActions = (value: unknown): boolean =>
      isSet(value) && value.every((action) => ['create', 'update', 'delete'].includes(action))
    report.field(fields, path, 'action', isActions, 'some of create, update, delete')
  } else if (fields['resource'] === 'rpc') {
    const isLxm = (value: unknown): boolean =>
      isSet(value) && value.every((lxm) => lxm === '*' || isNsid(lxm))
    report.field(fields, path, 'lxm', isLxm, 'an array of NSIDs', true)
    report.field(fields, path, 'inheritAud', isBoolean, 'a boolean')
    report.field(fields, path, 'aud', isString, 'a string', fields['inheritAud'] !== true)
  }
}
