import { describe, expect, it } from 'vitest'
import { createReceiver, type ReceiverOptions, type TapEvent, type TapFailure } from '../src/index.ts'
import { createWebhookKeys, createWebhookSecret, signWebhook, verifyWebhook } from '../src/webhooks.ts'
import { basicAuth } from '../src/wire.ts'
import { didOf, eventText } from './server.ts'

const password = 'secret'

function post(
  body: BodyInit | null,
  headers: Record<string, string> = { authorization: basicAuth(password) },
): Request {
  return new Request('http://localhost/tap', { method: 'POST', body, headers, duplex: 'half' } as RequestInit)
}

function receiver(options: Partial<ReceiverOptions> = {}): {
  receive: (request: Request) => Promise<Response>
  handled: TapEvent[]
  failures: TapFailure[]
} {
  const handled: TapEvent[] = []
  const failures: TapFailure[] = []
  const receive = createReceiver({
    password,
    onEvent: (event) => void handled.push(event),
    onFailure: (failure) => void failures.push(failure),
    ...options,
  })
  return { receive, handled, failures }
}

describe('the receiver', () => {
  it('answers when the event was handled, not before', async () => {
    let release: (() => void) | undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const { receive } = receiver({ onEvent: () => held })
    let answered = false
    const answer = receive(post(eventText(1))).finally(() => (answered = true))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(answered).toBe(false)
    release!()
    expect((await answer).status).toBe(200)
  })

  it('gives the event, typed', async () => {
    const { receive, handled } = receiver()
    expect((await receive(post(eventText(1)))).status).toBe(200)
    expect(handled).toMatchObject([{ id: 1, type: 'record', action: 'create', did: didOf(1) }])
  })

  it('lets in nobody without the password, and reads nothing of theirs', async () => {
    const { receive, handled } = receiver()
    let read = 0
    const body = (): ReadableStream =>
      new ReadableStream({ pull: () => void (read += 1) }, { highWaterMark: 0 })
    for (const headers of [{}, { authorization: basicAuth('other') }, { authorization: password }] as Record<
      string,
      string
    >[]) {
      const response = await receive(post(body(), headers))
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="tap"'])
    }
    expect([read, handled.length]).toEqual([0, 0])
    const open = receiver({ password: null })
    expect((await open.receive(post(eventText(1), {}))).status).toBe(200)
    expect(() => receiver({ password: '' })).toThrow(TypeError)
  })

  it('takes POST alone', async () => {
    const { receive } = receiver()
    const request = new Request('http://localhost/', { headers: { authorization: basicAuth(password) } })
    const response = await receive(request)
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('takes a body of the bound and none beyond it, whatever its headers say', async () => {
    const text = eventText(1)
    const { receive, failures } = receiver({ maxBodyBytes: text.length })
    expect((await receive(post(text))).status).toBe(200)
    expect((await receive(post(`${text} `))).status).toBe(413)
    let pulled = 0
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(100))
      },
    })
    expect((await receive(post(endless))).status).toBe(413)
    expect(pulled).toBeLessThan(20)
    const declared = { authorization: basicAuth(password), 'content-length': '999999' }
    expect((await receive(post(new ReadableStream(), declared))).status).toBe(413)
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) })
    expect((await receive(post(broken))).status).toBe(400)
    expect(failures).toEqual([])
  })

  it('answers 400 for what is no event and 500 for what was not handled, unless told to give it up', async () => {
    const error = new Error('no')
    const fail = (): never => {
      throw error
    }
    const { receive, failures } = receiver({ onEvent: fail })
    expect((await receive(post('{'))).status).toBe(400)
    expect((await receive(post(null))).status).toBe(400)
    expect((await receive(post(eventText(1)))).status).toBe(500)
    expect(failures).toMatchObject([
      { kind: 'invalid', event: { reason: 'not-json' } },
      { kind: 'invalid' },
      { kind: 'handler', event: { id: 1 }, error },
    ])
    const lenient = receiver({ onEvent: fail, onFailure: () => 'ack' })
    expect((await lenient.receive(post('{'))).status).toBe(200)
    expect((await lenient.receive(post(eventText(1)))).status).toBe(200)
  })
})

describe('signed webhooks', () => {
  const webhook = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: 1_614_265_330,
    body: '{"test": 2432232314}',
  }
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const now = webhook.timestamp * 1000
  const check = async (
    headers: object,
    secrets: string | readonly string[],
    body: string | Uint8Array = webhook.body,
    at = now,
  ): Promise<unknown> => {
    const result = await verifyWebhook({ headers: new Headers({ ...headers }), body }, secrets, { now: at })
    return result.ok ? 'ok' : result.error
  }

  it('carry the signature of the convention’s own example', async () => {
    expect(await signWebhook(webhook, secret)).toEqual({
      'webhook-id': webhook.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  it('are checked against any of the secrets, and by each of the signatures', async () => {
    const other = createWebhookSecret()
    expect(other).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const headers = await signWebhook(webhook, [other, secret])
    expect(headers['webhook-signature'].split(' ').length).toBe(2)
    expect(await check(headers, secret)).toBe('ok')
    expect(await check(headers, other, new TextEncoder().encode(webhook.body))).toBe('ok')
    expect(await check(await signWebhook(webhook, other), [secret, other])).toBe('ok')
    expect(await check(headers, createWebhookSecret())).toBe('wrong-signature')
    expect(await check(headers, secret, `${webhook.body} `)).toBe('wrong-signature')
    expect(await check({ ...headers, 'webhook-id': 'other' }, secret)).toBe('wrong-signature')
    expect(await check({ ...headers, 'webhook-timestamp': '1614265331' }, secret)).toBe('wrong-signature')
  })

  it('may be signed by a key, of which receivers have the public half', async () => {
    const { secretKey, publicKey } = await createWebhookKeys()
    const headers = await signWebhook(webhook, [secretKey, secret])
    expect(headers['webhook-signature']).toMatch(/^v1a,[A-Za-z0-9+/]{86}== v1,/)
    expect(await check(headers, publicKey)).toBe('ok')
    expect(await check(headers, (await createWebhookKeys()).publicKey)).toBe('wrong-signature')
    // A version is not taken for the other.
    expect(
      await check(
        { ...headers, 'webhook-signature': headers['webhook-signature'].replace('v1a', 'v1') },
        publicKey,
      ),
    ).toBe('wrong-signature')
  })

  it('are refused out of their time, to the second', async () => {
    const headers = await signWebhook(webhook, secret)
    expect(await check(headers, secret, webhook.body, now + 300_999)).toBe('ok')
    expect(await check(headers, secret, webhook.body, now + 301_000)).toBe('too-old')
    expect(await check(headers, secret, webhook.body, now - 300_000)).toBe('ok')
    expect(await check(headers, secret, webhook.body, now - 301_000)).toBe('too-new')
  })

  it('are refused with headers that are none', async () => {
    const headers = await signWebhook(webhook, secret)
    for (const name of Object.keys(headers))
      expect(await check({ ...headers, [name]: '' }, secret)).toBe('missing-header')
    expect(await check({ ...headers, 'webhook-id': 'x'.repeat(5000) }, secret)).toBe('missing-header')
    for (const timestamp of ['x', '-1', '1614265330.5', '1'.repeat(13)])
      expect(await check({ ...headers, 'webhook-timestamp': timestamp }, secret)).toBe('bad-timestamp')
    const odd = [
      'x',
      'v1,',
      'v1',
      ',',
      'v1,%%%',
      'v2,AAAA',
      `${'v1,AAAA '.repeat(16)}${headers['webhook-signature']}`,
    ]
    for (const signature of odd)
      expect(await check({ ...headers, 'webhook-signature': signature }, secret)).toBe('wrong-signature')
    expect(
      await check(
        { ...headers, 'webhook-signature': `${'v1,AAAA '.repeat(15)}${headers['webhook-signature']}` },
        secret,
      ),
    ).toBe('ok')
  })

  it('need secrets that are some', async () => {
    const { secretKey, publicKey } = await createWebhookKeys()
    for (const odd of ['', 'whsec_', 'whsec_%', 'secret', 'whsk_AAAA', publicKey, []])
      await expect(signWebhook(webhook, odd)).rejects.toThrow(TypeError)
    for (const odd of ['', 'whsec_', 'whpk_AAAA', secretKey])
      await expect(verifyWebhook({ headers: new Headers(), body: '' }, odd)).rejects.toThrow(TypeError)
    await expect(signWebhook({ ...webhook, id: 'a.b' }, secret)).rejects.toThrow(TypeError)
    await expect(signWebhook({ ...webhook, timestamp: 1.5 }, secret)).rejects.toThrow(TypeError)
  })
})
