// Videos without pictures: what says how long they are, in the forms that files have.

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

/** A box of the ISO base media file format. */
export const box = (type: string, ...content: Uint8Array[]): Buffer => {
  const body = Buffer.concat(content)
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body])
}
/** The same with a size of 64 bits. */
export const wideBox = (type: string, ...content: Uint8Array[]): Buffer => {
  const body = Buffer.concat(content)
  return Buffer.concat([u32(1), Buffer.from(type, 'latin1'), u64(BigInt(16 + body.length)), body])
}
export const FTYP: Buffer = box('ftyp', Buffer.from('isom\0\0\0\x01isom', 'latin1'))
export const MDAT: Buffer = box('mdat', Buffer.alloc(5000))

/** `mvhd`, or `mdhd`: units a second, and units. */
export const header = (type: string, units: number, duration: number): Buffer =>
  box(type, u32(0), u32(0), u32(0), u32(units), u32(duration), Buffer.alloc(80))
/** The same in version 1. */
export const wideHeader = (type: string, units: number, duration: bigint): Buffer =>
  box(type, u32(0x0100_0000), u64(0n), u64(0n), u32(units), u64(duration), Buffer.alloc(80))
export const mehd = (duration: number): Buffer => box('mehd', u32(0), u32(duration))

/** An element of EBML with a size of as many bytes as it takes, eight at most. */
export const element = (id: string, ...content: Uint8Array[]): Buffer => {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from(id, 'hex'), Buffer.from([0x08]), u32(body.length), body])
}
/** An element that does not say where it ends. */
export const endless = (id: string, ...content: Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.from(id, 'hex'), Buffer.from('01ffffffffffffff', 'hex'), ...content])

export const EBML: Buffer = element('1a45dfa3', element('4282', Buffer.from('webm')))
export const scale = (nanoseconds: number): Buffer => element('2ad7b1', u32(nanoseconds))
export const length = (value: number, isWide = true): Buffer => {
  const bytes = Buffer.alloc(isWide ? 8 : 4)
  if (isWide) bytes.writeDoubleBE(value)
  else bytes.writeFloatBE(value)
  return element('4489', bytes)
}
export const CLUSTER: Buffer = element('1f43b675', Buffer.alloc(2000))

export const mp4 = (seconds: number): Buffer =>
  Buffer.concat([FTYP, MDAT, box('moov', header('mvhd', 1000, seconds * 1000))])
export const webm = (seconds: number): Buffer =>
  Buffer.concat([EBML, endless('18538067', element('1549a966', scale(1e6), length(seconds * 1000)), CLUSTER)])
