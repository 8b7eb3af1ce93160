# Installs the package that this notebook uses where it is missing; where it is, does nothing.
def install(name="$name", version="$version", site="$site"):
    import importlib.util
    import subprocess
    import sys
    from importlib import metadata
    from pathlib import Path

    if importlib.util.find_spec(name):
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            return  # its source is on Python's path
        # Installed from its source, it has no digest after the +, as a wheel has.
        if found not in (version, version.partition("+")[0]):
            raise SystemExit(
                f"Está instalado {name} {found} y este cuaderno es de {version}: ejecuta "
                f"«pip uninstall -y {name}», reinicia el núcleo y ejecuta otra vez esta celda."
            )
        return
    file = f"{name}-{version}-py3-none-any.whl"
    folders = [Path(each) for each in (".", "..", "../..")]
    source = next((str(each / file) for each in folders if (each / file).exists()), None)
    others = [path.name for each in folders for path in each.glob(f"{name}-*.whl")]
    if not source and others:
        raise SystemExit(
            f"{others[0]} no es de la versión de este cuaderno, {version}: descarga los dos del "
            "mismo sitio o de la misma entrega."
        )
    if not source:  # the light form of what is handed in brings the package's source
        found = [each / "proyecto" for each in folders if (each / "proyecto/code" / name).is_dir()]
        source = str(found[0]) if found else None
    if not source and not site:
        raise SystemExit(
            f"Falta {file}: copia ese archivo, que acompaña a los cuadernos, a la carpeta de este "
            "y ejecuta otra vez esta celda."
        )
    command = [sys.executable, "-m", "pip", "install", "--quiet", source or f"{site}/{file}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["sin decir por qué"])[-1]
        raise SystemExit(f"No se pudo instalar {source or file}: {reason}")
    importlib.invalidate_caches()


install()
del install
