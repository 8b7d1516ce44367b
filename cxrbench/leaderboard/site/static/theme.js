// The colours: those of the system until the reader chooses.
const THEMES = ["system", "light", "dark"];

function setUpTheme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  let chosen = remembered();

  function remembered() {
    try {
      return THEMES.includes(localStorage.cxrbenchTheme) ? localStorage.cxrbenchTheme : "system";
    } catch {
      return "system"; // a browser may refuse storage, as for files
    }
  }

  function show() {
    root.dataset.theme = chosen;
    button.textContent = `Colours: ${chosen}`;
  }

  button.addEventListener("click", () => {
    chosen = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length];
    try {
      localStorage.cxrbenchTheme = chosen;
    } catch {
      // then it holds for this visit
    }
    show();
  });
  button.hidden = false;
  show();
}
