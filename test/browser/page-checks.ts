import type { Test } from 'tap'
import type { Page } from 'playwright-core'
import { screenshot } from '../support/chromium.ts'

const PHONE = { width: 360, height: 640 }
const DESK = { width: 1000, height: 700 }

/** What holds for every page of ours; saves what it looks like on a desk and, dark, on a phone. */
export async function looksLikeOurs(t: Test, page: Page, name: string): Promise<void> {
  t.equal(await page.locator('h1').count(), 1, `${name}: one heading`)
  t.equal(await page.getAttribute('html', 'lang'), 'en', `${name}: a language`)
  t.ok(await page.title(), `${name}: a title`)
  t.ok(await page.locator('footer code').first().textContent(), `${name}: a reference`)
  t.equal(await page.locator('script').count(), 0, `${name}: no script`)
  await page.setViewportSize(DESK)
  await screenshot(page, `${name}-desk`)
  await page.setViewportSize(PHONE)
  await page.emulateMedia({ colorScheme: 'dark' })
  await screenshot(page, `${name}-phone-dark`)
  const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
  t.equal(await page.evaluate(overflow), 0, `${name}: fits a phone`)
  t.notOk(await page.evaluate(LOW_CONTRAST), `${name}: readable in the dark`)
  await page.emulateMedia({ colorScheme: 'light' })
  t.notOk(await page.evaluate(LOW_CONTRAST), `${name}: readable in the light`)
  await page.setViewportSize(DESK)
}

/** WCAG 2.2 §1.4.3: answers the first text whose contrast to what is behind it is below 4.5. */
const LOW_CONTRAST = `(() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number)
  const luminance = (color) => {
    const [r, g, b] = parse(color).slice(0, 3).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor
      if (parse(color)[3] !== 0) return color
    }
    return 'rgb(255, 255, 255)'
  }
  for (const element of document.querySelectorAll('header, h1, p, a, button, code')) {
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))]
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (contrast < 4.5) return element.outerHTML + ' ' + contrast
  }
})()`

/** Fails the test when the browser complains: a blocked style, a broken policy. */
export function watchConsole(t: Test, page: Page): void {
  page.on('console', (message) => {
    const expected = /Failed to load resource: the server responded/.test(message.text())
    if (message.type() === 'error' && !expected) t.fail(message.text())
  })
}
