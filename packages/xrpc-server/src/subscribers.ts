import type { Call } from './call.ts'
import { networkOf } from './network.ts'
import type { FrameSocket, Subscriber } from './subscription.ts'

/** The open subscriptions of a router. */
export class Subscribers {
  readonly #open = new Map<string, Set<Entry>>()
  readonly #networks = new Map<string, number>()

  /** Who is there, of one method or of all. */
  list(nsid?: string): Subscriber[] {
    if (nsid !== undefined) return [...(this.#open.get(nsid)?.keys() ?? [])]
    return [...this.#open.values()].flatMap((entries) => [...entries.keys()])
  }

  /** How many there are from one network (see `networkOf`). */
  countFrom(nsid: string, network: string): number {
    return this.#networks.get(`${nsid} ${network}`) ?? 0
  }

  /** How many there are. */
  count(nsid: string): number {
    return this.#open.get(nsid)?.size ?? 0
  }

  /** Enters one; call the entry's `leave` when it ends. */
  enter(id: string, nsid: string, params: unknown, call: Call, socket: FrameSocket): Entry {
    let entries = this.#open.get(nsid)
    if (entries === undefined) {
      entries = new Set()
      this.#open.set(nsid, entries)
    }
    const all = entries
    const network = call.address === null ? null : `${nsid} ${networkOf(call.address)}`
    const entry = new Entry(id, nsid, params, call, socket, () => {
      all.delete(entry)
      if (all.size === 0) this.#open.delete(nsid)
      if (network !== null) this.#add(network, -1)
    })
    entries.add(entry)
    if (network !== null) this.#add(network, 1)
    return entry
  }

  #add(network: string, change: 1 | -1): void {
    const count = (this.#networks.get(network) ?? 0) + change
    if (count === 0) this.#networks.delete(network)
    else this.#networks.set(network, count)
  }
}

class Entry implements Subscriber {
  readonly id: string
  readonly nsid: string
  readonly address: string | null
  readonly userAgent: string | null
  readonly params: unknown
  readonly connectedAt: Date = new Date()
  frames = 0
  bytes = 0
  readonly leave: () => void
  readonly #socket: FrameSocket

  constructor(id: string, nsid: string, params: unknown, call: Call, socket: FrameSocket, leave: () => void) {
    this.id = id
    this.nsid = nsid
    this.params = params
    this.address = call.address
    this.userAgent = call.header('user-agent')
    this.#socket = socket
    this.leave = leave
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes
  }

  close(code = 1000, reason = ''): void {
    this.#socket.close(code, reason)
  }
}
