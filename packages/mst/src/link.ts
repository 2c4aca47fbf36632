import { type CID, CID_LENGTH, cidAt } from '@avocet/data'

/**
 * A CID where it stands in an encoded node. Of the dozens of links in the nodes that an operation touches, most are only
 * written back: they are copied byte by byte, and a `CID` is made of those alone that somebody asks for.
 */
export class Link {
  /** What it stands in: an encoded node, or a CID's own bytes. */
  readonly raw: Uint8Array
  /** Where in `raw` its 36 bytes begin. */
  readonly at: number
  #cid: CID | null

  private constructor(raw: Uint8Array, at: number, cid: CID | null) {
    this.raw = raw
    this.at = at
    this.#cid = cid
  }

  /** The link at `at`, whose shape must have been checked. */
  static in(raw: Uint8Array, at: number): Link {
    return new Link(raw, at, null)
  }

  static of(cid: CID): Link {
    return new Link(cid.bytes, 0, cid)
  }

  get cid(): CID {
    return (this.#cid ??= cidAt(this.raw, this.at)!)
  }

  /** Writes the 36 bytes. */
  writeTo(out: Uint8Array, offset: number): void {
    const { raw, at } = this
    for (let i = 0; i < CID_LENGTH; i++) out[offset + i] = raw[at + i]!
  }
}

/** Whether 36 bytes from `at` have the shape of a CID that may stand in a tree: CIDv1, dag-cbor (or raw), sha-256. */
export function isLinkAt(bytes: Uint8Array, at: number, allowRaw: boolean): boolean {
  return (
    at + CID_LENGTH <= bytes.length &&
    bytes[at] === 0x01 &&
    (bytes[at + 1] === 0x71 || (allowRaw && bytes[at + 1] === 0x55)) &&
    bytes[at + 2] === 0x12 &&
    bytes[at + 3] === 0x20
  )
}
