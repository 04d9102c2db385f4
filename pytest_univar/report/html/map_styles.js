// BokehJS puts its styles into shadow roots as style elements, which the policy of this page forbids. Adopted sheets,
// which no text from outside can make, it allows: there they go instead.
const sheets = new WeakMap();

function adoptStyles() {
  const text = Object.getOwnPropertyDescriptor(Node.prototype, "textContent");
  Object.defineProperty(HTMLStyleElement.prototype, "textContent", {
    get() {
      return sheets.get(this)?.css ?? text.get.call(this);
    },
    set(css) {
      if (!sheets.has(this)) sheets.set(this, { css: "", sheet: new CSSStyleSheet() });
      sheets.get(this).css = css;
      sheets.get(this).sheet.replaceSync(css);
    },
  });
  const { append } = DocumentFragment.prototype;
  ShadowRoot.prototype.append = function adopt(...nodes) {
    const styles = nodes.filter((node) => sheets.has(node));
    for (const style of styles) {
      const { sheet } = sheets.get(style);
      this.adoptedStyleSheets = [...this.adoptedStyleSheets, sheet];
      style.remove = () => {
        this.adoptedStyleSheets = this.adoptedStyleSheets.filter((each) => each !== sheet);
      };
    }
    append.apply(this, nodes.filter((node) => !sheets.has(node)));
  };
}
