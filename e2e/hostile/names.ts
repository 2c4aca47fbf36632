// A DNS server whose answers a test decides, and changes between two questions.
import { createServer, Packet } from 'dns2'

/** What a name leads to: the addresses of each next answer; the last one stays. */
export type Addresses = readonly (readonly string[])[]

/** A running DNS server. */
export interface NameServer extends AsyncDisposable {
  /** `address:port` */
  readonly address: string
  readonly hosts: Map<string, Addresses>
  readonly texts: Map<string, readonly string[]>
  /** Names it was asked about, each time. */
  readonly asked: string[]
}

export async function startNameServer(): Promise<NameServer> {
  const hosts: NameServer['hosts'] = new Map()
  const texts: NameServer['texts'] = new Map()
  const asked: string[] = []
  const turns = new Map<string, number>()
  const server = createServer({
    udp: true,
    handle: (request, send) => {
      const response = Packet.createResponseFromRequest(request)
      const [question] = request.questions as { name: string; type: number }[]
      const { name, type } = question!
      asked.push(name)
      const answers =
        type === Packet.TYPE.TXT
          ? (texts.get(name) ?? []).map((text) => ({ data: [text] }))
          : addressesOf(name, type).map((address) => ({ address }))
      for (const answer of answers) {
        response.answers.push({ name, type, class: Packet.CLASS.IN, ttl: 0, ...answer } as never)
      }
      if (answers.length === 0 && !hosts.has(name)) response.header.rcode = 3
      void send(response)
    },
  })
  const addressesOf = (name: string, type: number): string[] => {
    const answers = hosts.get(name) ?? []
    const turn = turns.get(`${name} ${type}`) ?? 0
    turns.set(`${name} ${type}`, turn + 1)
    const found = answers[Math.min(turn, answers.length - 1)] ?? []
    return found.filter((address) => address.includes(':') === (type === Packet.TYPE.AAAA))
  }
  const { udp } = (await server.listen({ udp: { port: 0, address: '127.0.0.1' } })) as {
    udp: { port: number }
  }
  return {
    address: `127.0.0.1:${udp.port}`,
    hosts,
    texts,
    asked,
    [Symbol.asyncDispose]: async () => {
      await server.close()
    },
  }
}
