// https://www.iso.org/standard/83102.html (ISO/IEC 14496-12), https://www.rfc-editor.org/rfc/rfc8794 (EBML),
// https://www.rfc-editor.org/rfc/rfc9559 (Matroska)

/** Reads how long a video plays from its bytes as they come in, of which a few at a time are kept. */
export interface DurationMeter {
  add(chunk: Uint8Array): void
  /** In milliseconds; null when the bytes so far do not say, or are no MP4, QuickTime, WebM or Matroska. */
  durationMs(): number | null
}

/** What a parser wants next: so many bytes to look at, or to pass over. */
type Want = { readonly take: number } | { readonly skip: number }
/** It goes on with the bytes that it took (none after a skip), and ends with the duration in milliseconds. */
type Parser = Generator<Want, number | null, Uint8Array>

/** The most boxes or elements that are looked at. Those that count come within the first few dozens. */
const MAX_PARTS = 10_000

/** A meter of one video. */
export function createDurationMeter(): DurationMeter {
  const parser = parse()
  let state = parser.next()
  let taken = new Uint8Array(0)
  let have = 0
  let skipped = 0

  const go = (bytes: Uint8Array): void => {
    state = parser.next(bytes)
    have = 0
    skipped = 0
    if (state.done !== true && 'take' in state.value) taken = new Uint8Array(state.value.take)
  }
  if (state.done !== true && 'take' in state.value) taken = new Uint8Array(state.value.take)

  return {
    add: (chunk) => {
      let at = 0
      while (state.done !== true) {
        const want = state.value
        if ('skip' in want) {
          const part = Math.min(want.skip - skipped, chunk.length - at)
          skipped += part
          at += part
          if (skipped < want.skip) return
          go(new Uint8Array(0))
        } else {
          const part = Math.min(want.take - have, chunk.length - at)
          taken.set(chunk.subarray(at, at + part), have)
          have += part
          at += part
          if (have < want.take) return
          go(taken)
        }
      }
    },
    durationMs: () => (state.done === true ? state.value : null),
  }
}

function* parse(): Parser {
  const start = yield { take: 8 }
  if (start[0] === 0x1a && start[1] === 0x45 && start[2] === 0xdf && start[3] === 0xa3) {
    return yield* matroska(start)
  }
  return ascii(start, 4) === 'ftyp' ? yield* isoMedia(start) : null
}

const ascii = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4))

/** Boxes whose content is boxes that count. */
const CONTAINERS: ReadonlySet<string> = new Set(['moov', 'trak', 'mdia', 'mvex'])
/** Boxes that say a duration, and whether with the units it is in. */
const DURATIONS: ReadonlyMap<string, 'units' | 'none'> = new Map([
  ['mvhd', 'units'],
  ['mdhd', 'units'],
  ['mehd', 'none'],
])

/** The longest duration that the movie, its tracks or its fragments say. `moov` may come after all of the pictures. */
function* isoMedia(first: Uint8Array): Parser {
  let header = first
  let at = 8
  let end = Number.POSITIVE_INFINITY
  let longest = 0
  let movieUnits = 0
  for (let parts = 0; parts < MAX_PARTS; parts++) {
    const type = ascii(header, 4)
    let size = view(header).getUint32(0)
    let headerSize = 8
    if (size === 1) {
      size = Number(view(yield { take: 8 }).getBigUint64(0))
      headerSize = 16
      at += 8
    }
    // Zero: to the end of the file, so nothing follows.
    let content = size === 0 ? Number.POSITIVE_INFINITY : size - headerSize
    if (content < 0) return null
    if (type === 'moov') end = at + content
    const says = DURATIONS.get(type)
    if (says !== undefined && content >= 8 && end !== Number.POSITIVE_INFINITY) {
      const bytes = yield { take: Math.min(content, 32) }
      at += bytes.length
      content -= bytes.length
      const { units, duration } = readDuration(bytes, says)
      if (type === 'mvhd') movieUnits = units
      const perSecond = says === 'units' ? units : movieUnits
      if (perSecond > 0) longest = Math.max(longest, (duration * 1000) / perSecond)
    }
    if (!CONTAINERS.has(type)) {
      if (content === Number.POSITIVE_INFINITY) return null
      yield { skip: content }
      at += content
    }
    if (at >= end) return longest > 0 ? longest : null
    header = yield { take: 8 }
    at += 8
  }
  return null
}

/** Of a full box: version and flags, two times unless it has no units, then units and duration; 64 bits wide in version 1. */
function readDuration(bytes: Uint8Array, says: 'units' | 'none'): { units: number; duration: number } {
  const isWide = bytes[0] === 1
  const unitsAt = isWide ? 20 : 12
  const durationAt = says === 'none' ? 4 : unitsAt + 4
  if (bytes.length < durationAt + (isWide ? 8 : 4)) return { units: 0, duration: 0 }
  const duration = isWide ? view(bytes).getBigUint64(durationAt) : BigInt(view(bytes).getUint32(durationAt))
  // All ones: not known.
  const isKnown = duration !== (isWide ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn)
  return {
    units: says === 'none' ? 0 : view(bytes).getUint32(unitsAt),
    duration: isKnown ? Number(duration) : 0,
  }
}

const EBML = 0x1a45dfa3
const SEGMENT = 0x18538067
const INFO = 0x1549a966
const TIMESTAMP_SCALE = 0x2ad7b1
const DURATION = 0x4489
const CLUSTER = 0x1f43b675

/** The duration that `Info` says, which comes before the pictures. A recording that was sent live says none. */
function* matroska(first: Uint8Array): Parser {
  const bytes = createQueue(first)
  let infoEnd = Number.POSITIVE_INFINITY
  let scale = 1_000_000
  let duration: number | null = null
  for (let parts = 0; parts < MAX_PARTS && bytes.at() < infoEnd; parts++) {
    const id = yield* vint(bytes, true)
    const size = yield* vint(bytes, false)
    if (id === null || size === null) return null
    if (id === CLUSTER) return null
    if (id === SEGMENT) continue
    if (size === Number.POSITIVE_INFINITY) return null
    if (id === INFO) infoEnd = bytes.at() + size
    else if (id === DURATION && (size === 4 || size === 8)) {
      const value = view(yield* bytes.take(size))
      duration = size === 4 ? value.getFloat32(0) : value.getFloat64(0)
    } else if (id === TIMESTAMP_SCALE && size > 0 && size <= 8) {
      scale = (yield* bytes.take(size)).reduce((sum, byte) => sum * 256 + byte, 0)
    } else if (parts === 0 && id !== EBML) return null
    else yield* bytes.skip(size)
  }
  const ms = duration === null ? Number.NaN : (duration * scale) / 1e6
  return Number.isFinite(ms) && ms > 0 ? ms : null
}

/** A number with its length before it: an id keeps the bits that say the length, a size of all ones is not known. */
function* vint(bytes: Queue, isId: boolean): Generator<Want, number | null, Uint8Array> {
  const [first = 0] = yield* bytes.take(1)
  const length = Math.clz32(first) - 23
  if (length > (isId ? 4 : 8)) return null
  const mark = 1 << (8 - length)
  const rest = yield* bytes.take(length - 1)
  const value = rest.reduce((sum, byte) => sum * 256 + byte, isId ? first : first & (mark - 1))
  const isUnknown = !isId && (first & (mark - 1)) === mark - 1 && rest.every((byte) => byte === 0xff)
  return isUnknown ? Number.POSITIVE_INFINITY : value
}

interface Queue {
  /** How far it was read. */
  at(): number
  take(count: number): Generator<Want, Uint8Array, Uint8Array>
  skip(count: number): Generator<Want, void, Uint8Array>
}

/** Bytes that were taken already, before those to come. */
function createQueue(first: Uint8Array): Queue {
  let ready = first
  let at = 0
  return {
    at: () => at,
    take: function* (count) {
      at += count
      const part = ready.subarray(0, count)
      ready = ready.subarray(part.length)
      if (part.length === count) return part
      const rest = yield { take: count - part.length }
      return part.length === 0 ? rest.slice() : new Uint8Array([...part, ...rest])
    },
    skip: function* (count) {
      at += count
      const part = Math.min(count, ready.length)
      ready = ready.subarray(part)
      if (count > part) yield { skip: count - part }
    },
  }
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
