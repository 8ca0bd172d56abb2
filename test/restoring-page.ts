// A page of the examples in a browser: a photo goes in, and comes out twice as large.

import type { Browser } from 'playwright-core';
import { expect } from 'vitest';
import { serveProject } from './web/server.js';

/** Opens the page of a folder, gives it a photo and waits for its result of some width. */
export async function restoreInFolder(browser: Browser, folder: string, photo: string, width: number): Promise<void> {
  const server = await serveProject(folder);
  try {
    await restoreOnPage(browser, `${server.origin}/index.html`, photo, width);
  } finally {
    await server.close();
  }
}

/** The same with a page that is served already. */
export async function restoreOnPage(browser: Browser, url: string, photo: string, width: number): Promise<void> {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', error => faults.push(String(error)));
  page.on('console', message => message.type() === 'error' && faults.push(message.text()));
  page.on('requestfailed', request => faults.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on('response', response => response.status() >= 400 && faults.push(`${response.url()}: ${response.status()}`));
  await page.route('**/favicon.ico', route => route.fulfill({ status: 204 }));
  try {
    await page.goto(url);
    // It is enabled when the restorer is there.
    await page.locator('input:enabled').setInputFiles(photo, { timeout: 90_000 });
    const shown = () => page.evaluate(() => document.querySelector('img')?.naturalWidth);
    await expect.poll(shown, { timeout: 90_000 }).toBe(width);
  } catch (error) {
    throw new Error([(error as Error).message, ...faults].join('\n'), { cause: error });
  } finally {
    await page.close();
  }
  expect(faults).toEqual([]);
}
