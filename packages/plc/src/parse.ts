// https://web.plc.directory/spec/v0.1/did-plc#operation-serialization-signing-and-validation
import { isDid } from '@avocet/syntax'
import { parseDidKey } from '@avocet/crypto'
import { encodeOperation } from './encoding.ts'
import { fail, type PlcError, type PlcResult } from './error.ts'
import type { LegacyCreate, LogEntry, PlcOperation, PlcService, Signed, SignedOperation } from './types.ts'

/** Largest DAG-CBOR of an operation that a directory takes today, in bytes. */
export const MAX_OPERATION_BYTES = 4_000
/** Largest one that is read at all: old entries of a log may be above {@link MAX_OPERATION_BYTES}, with a warning. */
const MAX_STORED_OPERATION_BYTES = 65_536

const MAX_ENTRIES = 10
const MAX_ALIAS_LENGTH = 258
const MAX_ID_LENGTH = 32
const MAX_SERVICE_TYPE_LENGTH = 96
const MAX_ENDPOINT_LENGTH = 256
const MAX_KEY_LENGTH = 256
/** Bounds on what is read from a log, before anything is hashed. */
const MAX_STORED_ENTRIES = 256
const MAX_STORED_STRING = 8_192

const CID = /^bafyrei[a-z2-7]{52}$/
const DID_KEY = /^did:key:z[1-9A-HJ-NP-Za-km-z]{32,}$/
const FRAGMENT = /^[A-Za-z0-9._~:-]+$/
const PLC = /^did:plc:[a-z2-7]{24}$/

const FIELDS: Readonly<Record<SignedOperation['type'], readonly string[]>> = {
  plc_operation: ['type', 'rotationKeys', 'verificationMethods', 'alsoKnownAs', 'services', 'prev', 'sig'],
  plc_tombstone: ['type', 'prev', 'sig'],
  create: ['type', 'signingKey', 'recoveryKey', 'handle', 'service', 'prev', 'sig'],
}

/** True for `did:plc:` and 24 base32 characters. */
export function isPlcDid(value: unknown): value is `did:plc:${string}` {
  return typeof value === 'string' && PLC.test(value)
}

/**
 * Reads a signed operation of any kind from parsed JSON. Nothing but the fields of its kind may be there: an unknown
 * one is not covered by what the directory stores.
 *
 * Fails with `invalid-operation` or `operation-too-large`.
 */
export function parseOperation(json: unknown): PlcResult<SignedOperation> {
  if (!isObject(json)) return fail('invalid-operation', 'operation is not an object')
  const type = json['type']
  if (type !== 'plc_operation' && type !== 'plc_tombstone' && type !== 'create') {
    return fail('invalid-operation', `operation has an unknown type; type=${show(type)}`)
  }
  const expected = FIELDS[type]
  for (const field of Object.keys(json)) {
    if (!expected.includes(field)) return fail('invalid-operation', `unknown field; field=${show(field)}`)
  }
  const sig = json['sig']
  if (!isString(sig)) return fail('invalid-operation', 'sig is not a string')
  const prev = json['prev']
  if (prev === null ? type === 'plc_tombstone' : !isString(prev) || !CID.test(prev)) {
    return fail('invalid-operation', `prev is not the CID of an operation; prev=${show(prev)}`)
  }
  const result =
    type === 'plc_operation' ? readRegular(json, prev as string | null, sig) : readOther(type, json, sig)
  if (!result.ok) return result
  const size = encodeOperation(result.value).length
  if (size > MAX_STORED_OPERATION_BYTES) {
    return fail(
      'operation-too-large',
      `operation is too large; bytes=${size} max=${MAX_STORED_OPERATION_BYTES}`,
    )
  }
  return result
}

function readOther(
  type: 'plc_tombstone' | 'create',
  json: Readonly<Record<string, unknown>>,
  sig: string,
): PlcResult<SignedOperation> {
  const prev = json['prev']
  if (type === 'plc_tombstone') return { ok: true, value: { type, prev: prev as string, sig } }
  const { signingKey, recoveryKey, handle, service } = json as unknown as LegacyCreate
  if (!isString(signingKey) || !isString(recoveryKey) || !isString(handle) || !isString(service)) {
    return fail('invalid-operation', 'a create operation needs signingKey, recoveryKey, handle and service')
  }
  if (prev !== null) return fail('invalid-operation', 'prev of a create operation is not null')
  return { ok: true, value: { type, signingKey, recoveryKey, handle, service, prev, sig } }
}

function readRegular(
  json: Readonly<Record<string, unknown>>,
  prev: string | null,
  sig: string,
): PlcResult<SignedOperation> {
  const { rotationKeys, verificationMethods, alsoKnownAs, services } = json
  if (!isStrings(rotationKeys)) return fail('invalid-operation', 'rotationKeys is not a list of strings')
  if (!isStrings(alsoKnownAs)) return fail('invalid-operation', 'alsoKnownAs is not a list of strings')
  const methods = readMap(verificationMethods, isString)
  if (methods === null) return fail('invalid-operation', 'verificationMethods is not a map of strings')
  const parsedServices = readMap(services, isService)
  if (parsedServices === null) return fail('invalid-operation', 'services is not a map of { type, endpoint }')
  return {
    ok: true,
    value: {
      type: 'plc_operation',
      rotationKeys: [...rotationKeys],
      verificationMethods: methods,
      alsoKnownAs: [...alsoKnownAs],
      services: parsedServices,
      prev,
      sig,
    },
  }
}

/**
 * The rules for an operation that is new today, above those of {@link parseOperation}: size, number and length of
 * entries, no duplicates, 1 to 10 rotation keys on a curve that can sign. Old operations in a log may break them.
 *
 * @returns null when it holds them, else `invalid-operation`, `unsupported-key` or `operation-too-large`
 */
export function checkNewOperation(operation: SignedOperation): PlcError | null {
  const size = encodeOperation(operation).length
  if (size > MAX_OPERATION_BYTES) {
    return fail('operation-too-large', `operation is too large; bytes=${size} max=${MAX_OPERATION_BYTES}`)
      .error
  }
  if (operation.type === 'plc_tombstone') return null
  if (operation.type === 'create') {
    return fail('invalid-operation', 'the legacy create operation is read, not taken').error
  }
  return (
    checkRotationKeys(operation) ??
    checkAliases(operation) ??
    checkMethods(operation) ??
    checkServices(operation)
  )
}

type Regular = Signed<PlcOperation>

function checkRotationKeys({ rotationKeys }: Regular): PlcError | null {
  if (rotationKeys.length < 1 || rotationKeys.length > MAX_ENTRIES) {
    return fail(
      'invalid-operation',
      `rotationKeys needs 1 to ${MAX_ENTRIES} keys; keys=${rotationKeys.length}`,
    ).error
  }
  if (new Set(rotationKeys).size !== rotationKeys.length) {
    return fail('invalid-operation', 'rotationKeys holds a key twice').error
  }
  for (const key of rotationKeys) {
    if (!parseDidKey(key).ok)
      return fail('unsupported-key', `rotation key is not supported; key=${show(key)}`).error
  }
  return null
}

function checkAliases({ alsoKnownAs }: Regular): PlcError | null {
  if (alsoKnownAs.length > MAX_ENTRIES) {
    return fail('invalid-operation', `alsoKnownAs has too many entries; max=${MAX_ENTRIES}`).error
  }
  if (new Set(alsoKnownAs).size !== alsoKnownAs.length) {
    return fail('invalid-operation', 'alsoKnownAs holds an entry twice').error
  }
  const long = alsoKnownAs.find((alias) => alias.length > MAX_ALIAS_LENGTH)
  if (long === undefined) return null
  return fail('invalid-operation', `alsoKnownAs entry is too long; max=${MAX_ALIAS_LENGTH}`).error
}

function checkMethods({ verificationMethods }: Regular): PlcError | null {
  const methods = Object.entries(verificationMethods)
  if (methods.length > MAX_ENTRIES) {
    return fail('invalid-operation', `verificationMethods has too many entries; max=${MAX_ENTRIES}`).error
  }
  for (const [id, key] of methods) {
    const issue = checkId('verificationMethods', id)
    if (issue) return issue
    // These keys do not control the DID: any did:key that reads as one may stand here.
    if (key.length > MAX_KEY_LENGTH || !DID_KEY.test(key)) {
      return fail('unsupported-key', `verification method is not a did:key; id=${show(id)}`).error
    }
  }
  return null
}

function checkServices({ services }: Regular): PlcError | null {
  const entries = Object.entries(services)
  if (entries.length > MAX_ENTRIES) {
    return fail('invalid-operation', `services has too many entries; max=${MAX_ENTRIES}`).error
  }
  for (const [id, service] of entries) {
    const issue = checkId('services', id)
    if (issue) return issue
    if (service.type.length > MAX_SERVICE_TYPE_LENGTH || service.endpoint.length > MAX_ENDPOINT_LENGTH) {
      return fail('invalid-operation', `service type or endpoint is too long; id=${show(id)}`).error
    }
  }
  return null
}

function checkId(field: string, id: string): PlcError | null {
  if (id.length <= MAX_ID_LENGTH && FRAGMENT.test(id)) return null
  return fail(
    'invalid-operation',
    `${field} has an id that is no fragment; id=${show(id)} max=${MAX_ID_LENGTH}`,
  ).error
}

/** Reads one line of an audit log or of an export. Fails with `invalid-operation` or `operation-too-large`. */
export function parseLogEntry(json: unknown): PlcResult<LogEntry> {
  if (!isObject(json)) return fail('invalid-operation', 'log entry is not an object')
  const { did, cid, nullified, createdAt } = json
  if (!isDid(did)) return fail('invalid-operation', `log entry has no DID; did=${show(did)}`)
  if (!isString(cid) || !CID.test(cid))
    return fail('invalid-operation', `log entry has no CID; cid=${show(cid)}`)
  if (typeof nullified !== 'boolean')
    return fail('invalid-operation', 'nullified of a log entry is not a boolean')
  if (!isString(createdAt) || createdAt.length > 64 || Number.isNaN(Date.parse(createdAt))) {
    return fail('invalid-operation', `createdAt of a log entry is not a time; createdAt=${show(createdAt)}`)
  }
  const operation = parseOperation(json['operation'])
  if (!operation.ok) return operation
  return { ok: true, value: { did, operation: operation.value, cid, nullified, createdAt } }
}

/** Reads an audit log from parsed JSON. */
export function parseAuditLog(json: unknown): PlcResult<LogEntry[]> {
  return parseList(json, parseLogEntry)
}

/** Reads a list of operations from parsed JSON. */
export function parseLog(json: unknown): PlcResult<SignedOperation[]> {
  return parseList(json, parseOperation)
}

function parseList<T>(json: unknown, parse: (json: unknown) => PlcResult<T>): PlcResult<T[]> {
  if (!Array.isArray(json)) return fail('invalid-operation', 'log is not a list')
  const values: T[] = []
  for (const item of json) {
    const parsed = parse(item)
    if (!parsed.ok) return parsed
    values.push(parsed.value)
  }
  return { ok: true, value: values }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isString(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_STORED_STRING && value.isWellFormed()
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= MAX_STORED_ENTRIES && value.every(isString)
}

function isService(value: unknown): value is PlcService {
  return (
    isObject(value) &&
    Object.keys(value).length === 2 &&
    isString(value['type']) &&
    isString(value['endpoint'])
  )
}

/** A copy that owns its keys (`__proto__` too), or null. */
function readMap<T>(value: unknown, test: (item: unknown) => item is T): Record<string, T> | null {
  if (!isObject(value)) return null
  const entries = Object.entries(value)
  if (entries.length > MAX_STORED_ENTRIES) return null
  const read: [string, T][] = []
  for (const [key, item] of entries) {
    if (!isString(key) || !test(item)) return null
    read.push([key, isObject(item) ? { ...item } : item])
  }
  return Object.fromEntries(read)
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : typeof value
}
