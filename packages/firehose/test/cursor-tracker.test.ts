import { describe, expect, it } from 'vitest'
import { createCursorTracker } from '../src/cursor-tracker.ts'

describe('cursor tracker', () => {
  it('is the point before which all is finished, in order of arrival', () => {
    const tracker = createCursorTracker('s', null)
    const [a, b, c] = [1, 2, 5].map((seq) => tracker.begin(seq))
    expect(tracker.cursor()).toEqual({ source: 's', seq: 0, high: 0, numbering: 0, gapAt: null })
    expect(tracker.cursorWith(b!)).toEqual({ source: 's', seq: 0, high: 2, numbering: 0, gapAt: null })
    tracker.finish(b!)
    expect(tracker.cursor()?.seq).toBe(0)
    expect(tracker.cursorWith(a!)).toEqual({ source: 's', seq: 2, high: 2, numbering: 0, gapAt: null })
    tracker.finish(a!)
    expect(tracker.cursor()).toEqual({ source: 's', seq: 2, high: 2, numbering: 0, gapAt: null })
    tracker.finish(c!)
    expect(tracker.cursor()).toEqual({ source: 's', seq: 5, high: 5, numbering: 0, gapAt: null })
    expect(tracker.inFlight()).toBe(0)
  })

  it('does not store a lower high mark after a higher one that is not finished yet', () => {
    const tracker = createCursorTracker('s', { source: 's', seq: 10, high: 10, numbering: 0, gapAt: null })
    const slow = tracker.begin(11)
    const fast = tracker.begin(12)
    expect(tracker.cursorWith(fast)).toEqual({ source: 's', seq: 10, high: 12, numbering: 0, gapAt: null })
    expect(tracker.cursorWith(slow)).toEqual({ source: 's', seq: 11, high: 12, numbering: 0, gapAt: null })
  })

  it('follows a source that numbers anew, once all from before is finished', () => {
    const tracker = createCursorTracker('s', { source: 's', seq: 99, high: 99, numbering: 0, gapAt: null })
    const before = tracker.begin(100)
    tracker.renumber()
    const after = tracker.begin(1)
    tracker.finish(after)
    // A number of the old numbering says nothing of the new one.
    expect(tracker.cursor()).toEqual({ source: 's', seq: 99, high: 1, numbering: 1, gapAt: null })
    tracker.finish(before)
    expect(tracker.cursor()?.seq).toBe(1)
    expect(tracker.newest()).toBe(1)
  })

  it('knows when there is something to store', () => {
    const tracker = createCursorTracker('s', null)
    expect(tracker.dirty()).toBe(false)
    const ticket = tracker.begin(1)
    tracker.finish(ticket)
    expect(tracker.dirty()).toBe(true)
    tracker.stored(tracker.cursor()!)
    expect(tracker.dirty()).toBe(false)
  })

  it('a number from before a renumbering does not raise the mark of what follows it', () => {
    const tracker = createCursorTracker('s', null)
    const before = tracker.begin(100)
    tracker.renumber()
    const after = tracker.begin(1)
    tracker.finish(before)
    expect(tracker.cursorWith(after)).toMatchObject({ seq: 1, high: 1, numbering: 1 })
  })

  it('a gap is something to store, and what arrives after it is later, in the same millisecond too', () => {
    const tracker = createCursorTracker('s', { source: 's', seq: 1, high: 1, numbering: 0, gapAt: null })
    expect(tracker.begin(2, 50).at).toBe(50)
    tracker.gap(50)
    expect(tracker.dirty()).toBe(true)
    expect([49, 50, 51].map((at) => tracker.begin(3, at).at)).toEqual([51, 51, 51])
    expect(tracker.begin(4, 52).at).toBe(52)
    tracker.stored(tracker.cursor()!)
    expect(tracker.dirty()).toBe(false)
  })

  it('stays small over many events', () => {
    const tracker = createCursorTracker('s', null)
    for (let seq = 1; seq <= 100_000; seq++) tracker.finish(tracker.begin(seq))
    expect(tracker.cursor()?.seq).toBe(100_000)
    expect(tracker.inFlight()).toBe(0)
  })
})
