import { describe, expect, it } from 'vitest';
import { withScriptTag } from '../../../src/publisher/script-tag.ts';

const TAG = '<script type="module" src="tabseed/client.js"></script>';

function inject(
  html: string,
  path = 'index.html',
  options: { scope?: string; folders?: readonly string[]; worker?: string; boot?: string } = {},
): string {
  const { scope, folders = [], worker, boot } = options;
  return withScriptTag(html, { path, scope, worker, boot, hasFolder: (folder) => folders.includes(folder) });
}

describe('the script tag', () => {
  it('comes after the script that holds up first visits, if there is one', () => {
    expect(inject('<head></head>', 'a/b.html', { boot: 'tabseed/boot-x.js' })).toBe(
      '<head><script src="../tabseed/boot-x.js"></script><script type="module" src="../tabseed/client.js"></script></head>',
    );
  });

  it('names the worker of the app, if that has Tabseed in it', () => {
    expect(inject('<head></head>', 'index.html', { worker: 'js/my sw.js' })).toBe(
      '<head><script type="module" src="tabseed/client.js" data-tabseed-worker="js/my%20sw.js"></script></head>',
    );
  });

  it.each([
    ['<html><head><title>x</title></head></html>', `<html><head>${TAG}<title>x</title></head></html>`],
    [
      '<!doctype html>\n<HTML lang=en>\n<HEAD data-a=">">\n<p>',
      `<!doctype html>\n<HTML lang=en>\n<HEAD data-a=">">${TAG}\n<p>`,
    ],
    ['<!-- <head> --><html><head><p>', `<!-- <head> --><html><head>${TAG}<p>`],
    ['<!doctype html><title>x</title>', `<!doctype html>${TAG}<title>x</title>`],
    ['<html><body>x</body></html>', `<html>${TAG}<body>x</body></html>`],
    ['<header>x</header>', `${TAG}<header>x</header>`],
    ['<div>a fragment</div>', `${TAG}<div>a fragment</div>`],
    ['', TAG],
    ['\xef\xbb\xbf<!doctype html><p>', `\xef\xbb\xbf<!doctype html>${TAG}<p>`],
  ])('goes to the beginning of the head of %j', (html, expected) => {
    expect(inject(html)).toBe(expected);
  });

  it('is added once', () => {
    const once = inject('<html><head></head></html>');
    expect(inject(once)).toBe(once);
    const own = '<html><head><script src=/app/tabseed/client.js?v=1 type=module></script>';
    expect(inject(own)).toBe(own);
  });

  it('is added to a page that has it in a comment, a template or a string only', () => {
    for (const html of [
      `<head><!-- ${TAG} --></head>`,
      `<head><template>${TAG}</template></head>`,
      `<head><script>const s = '<script src="tabseed/client.js">'</script></head>`,
    ]) {
      expect(inject(html)).toContain(`<head>${TAG}`);
    }
  });

  it('leads from a page in a folder to the root', () => {
    expect(inject('<head>', 'a/b/page.html')).toContain('src="../../tabseed/client.js"');
  });

  it('comes before a relative base, where the page’s own URL holds', () => {
    expect(inject('<head><base href="../"><p>', 'a/b.html')).toBe(
      '<head><script type="module" src="../tabseed/client.js"></script><base href="../"><p>',
    );
    expect(inject('<head><base target="_blank">')).toContain(`<head>${TAG}<base`);
    expect(inject('<head><base href="//cdn.test/">')).toContain(`<head>${TAG}<base`);
  });

  it('comes after an absolute base and resolves against it, so that any URL may show the page', () => {
    expect(inject('<head><meta charset=utf-8><base href="/"><p>')).toBe(
      `<head><meta charset=utf-8><base href="/">${TAG}<p>`,
    );
    expect(inject('<head><base href="/app/">')).toBe(`<head><base href="/app/">${TAG}`);
    const docs = inject('<head><base href="/app/docs/">', 'docs/index.html', { folders: ['docs'] });
    expect(docs).toContain('<base href="/app/docs/"><script type="module" src="../tabseed/client.js">');
  });

  it('is absolute when the publisher named the scope', () => {
    expect(inject('<head><base href="/app/">', 'a/b.html', { scope: '/app/' })).toBe(
      '<head><script type="module" src="/app/tabseed/client.js"></script><base href="/app/">',
    );
  });

  it('leaves bytes of any charset as they were', () => {
    const html = Buffer.from([0x3c, 0x70, 0x3e, 0xe9, 0xff, 0x80, 0x0d, 0x0a]).toString('latin1');
    expect(inject(html)).toBe(TAG + html);
  });
});
