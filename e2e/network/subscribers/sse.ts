// Server-Sent Events, read as the standard has it: the id of the last event goes into `Last-Event-ID`.

import { setTimeout as delay } from 'node:timers/promises'
import { createSequence, foldV2, type Subscriber, type V2Like } from './subscriber.ts'
import { runAgain } from './v2.ts'

const RETRY_MS = 300

/** Follows `url` (http). */
export function subscribeSse(url: string): Subscriber {
  const sequence = createSequence()
  const { fold, figures } = sequence
  let lastId = ''
  const take = (message: string): void => {
    let [id, data, name] = ['', '', 'message']
    for (const line of message.split('\n')) {
      if (line.startsWith('id: ')) id = line.slice(4)
      if (line.startsWith('data: ')) data += line.slice(6)
      if (line.startsWith('event: ')) name = line.slice(7)
    }
    if (data === '') return
    if (name !== 'message') return sequence.fault(`${name}: ${data}`)
    const event = JSON.parse(data) as V2Like
    if (String(event.seq) !== id) sequence.fault(`the id of ${event.seq} is ${id}`)
    if (sequence.take(event.seq)) foldV2(fold, event)
    lastId = id
  }
  const connect = async (signal: AbortSignal): Promise<void> => {
    const response = await fetch(`${url}/stream?cursor=1`, {
      headers: lastId === '' ? {} : { 'last-event-id': lastId },
      signal,
    })
    if (!response.ok) throw new Error(`status ${response.status}`)
    figures.connections++
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk, { stream: true })
      const messages = text.split('\n\n')
      text = messages.pop()!
      for (const message of messages) take(message)
    }
  }
  const run = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await connect(signal).catch(() => {})
      await delay(RETRY_MS, undefined, { signal }).catch(() => {})
    }
  }
  const { restart, stop } = runAgain(run, sequence.fault)
  return { name: 'sse', atLeastOnce: false, fold, figures, restart, stop }
}
