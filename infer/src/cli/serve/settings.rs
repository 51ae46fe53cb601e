//! Options of `serve` from the environment and from a configuration file, both under the options' own names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, error::ErrorKind};
use toml::Value;

use crate::cli::Cli;

/// The option that names the configuration file.
const CONFIG: &str = "config";

/// Reads the command line; options of `serve` that it lacks come from the environment, then from the file of `--config`.
pub(in crate::cli) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let words: Vec<OsString> = words.into_iter().collect();
    let command = Cli::command().mut_subcommand("serve", with_variables);
    let matches = command.clone().try_get_matches_from(&words)?;
    let matches = match config(&matches) {
        Some(path) => {
            let settings = read(&path).map_err(|why| Cli::command().error(ErrorKind::Io, why))?;
            let known = names(&command);
            if let Some((unknown, _)) = settings.iter().find(|(name, _)| !known.contains(name)) {
                let path = path.display();
                let known = known.join(", ");
                let why = format!("{path}: no option '{unknown}', expected some of {known}");
                return Err(Cli::command().error(ErrorKind::UnknownArgument, why));
            }
            command.mut_subcommand("serve", |serve| with_defaults(serve, &settings)).try_get_matches_from(&words)?
        }
        None => matches,
    };
    Cli::from_arg_matches(&matches)
}

/// `serve` with an environment variable for each option.
fn with_variables(serve: Command) -> Command {
    serve.mut_args(|arg| match arg.get_long() {
        Some(name) => {
            let variable = format!("POSELIFT_SERVE_{}", name.replace('-', "_").to_uppercase());
            // The help would have a line for each, which its end says in one.
            arg.env(variable).hide_env(true)
        }
        None => arg,
    })
}

/// `serve` whose options have the values of the file, unless they are given otherwise.
fn with_defaults(serve: Command, settings: &[(String, Vec<String>)]) -> Command {
    serve.mut_args(|arg| {
        let value = settings.iter().find(|(name, _)| arg.get_long() == Some(name));
        match value {
            Some((_, values)) => arg.default_values(values.clone()),
            None => arg,
        }
    })
}

/// The names of the options that a file may hold.
fn names(command: &Command) -> Vec<String> {
    let serve = command.find_subcommand("serve").expect("it is a subcommand");
    let names = serve.get_arguments().filter_map(|arg| arg.get_long());
    names.filter(|name| !matches!(*name, CONFIG | "help")).map(str::to_owned).collect()
}

fn config(matches: &ArgMatches) -> Option<PathBuf> {
    let (name, serve) = matches.subcommand()?;
    if name == "serve" { serve.get_one::<PathBuf>(CONFIG).cloned() } else { None }
}

/// The options in the file at `path`, and the values of each.
fn read(path: &Path) -> Result<Vec<(String, Vec<String>)>, String> {
    settings_in(path).map_err(|why| format!("{}: {why}", path.display()))
}

fn settings_in(path: &Path) -> Result<Vec<(String, Vec<String>)>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read the options: {error}"))?;
    let table: toml::Table = text.parse().map_err(|error| format!("is no TOML: {error}"))?;
    let mut settings = Vec::with_capacity(table.len());
    for (name, value) in table {
        let values = match value {
            Value::Array(values) => values.into_iter().map(word).collect(),
            value => word(value).map(|word| vec![word]),
        };
        match values {
            Some(values) => settings.push((name, values)),
            None => return Err(format!("'{name}': expected a text, a number, true or false, or a list of such")),
        }
    }
    Ok(settings)
}

/// A value as it would stand on the command line.
fn word(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(is_set) => Some(is_set.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}
