//! `trim-exports MODULE LIST OUT`: writes MODULE to OUT with the exports that LIST names, and without the code that
//! only the others reached.
//!
//! The proxy-wasm SDK exports every callback of the ABI. A host enters the VM for each of them, though most do
//! nothing but return; one that is missing it passes over.

use std::error::Error;
use std::process::ExitCode;
use std::{env, fs};

use walrus::ModuleConfig;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, list, out] = arguments.as_slice() else {
        eprintln!(
            "error: trim-exports takes three files: the module, the list of exports, the output"
        );
        return ExitCode::from(2);
    };
    match trim(module, list, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {module}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn trim(module: &str, list: &str, out: &str) -> Result<(), Box<dyn Error>> {
    let list = fs::read_to_string(list)?;
    let wanted: Vec<&str> = list.lines().filter_map(name).collect();
    // Names, DWARF and producers would be a compiler's private matter in what is shipped.
    let mut module = ModuleConfig::new()
        .generate_name_section(false)
        .generate_producers_section(false)
        .parse_file(module)?;
    let has = |wanted: &&&str| module.exports.iter().any(|export| export.name == **wanted);
    if let Some(missing) = wanted.iter().find(|wanted| !has(wanted)) {
        return Err(format!("does not export {missing}, which the list names").into());
    }
    let unwanted: Vec<_> = module
        .exports
        .iter()
        .filter(|export| !wanted.contains(&export.name.as_str()))
        .map(walrus::Export::id)
        .collect();
    for export in unwanted {
        module.exports.delete(export);
    }
    walrus::passes::gc::run(&mut module);
    fs::write(out, module.emit_wasm())?;
    Ok(())
}

/// The name at the beginning of a line of the list.
fn name(line: &str) -> Option<&str> {
    line.split_whitespace()
        .next()
        .filter(|name| !name.starts_with('#'))
}
