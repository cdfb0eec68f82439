// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/command_line.h"

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/project_file.h"
#include "libfiona/base/error.h"

namespace fiona::anonymize {

namespace {

constexpr int original_shift = 42; // days: what the original did without -d

std::optional<EventName> event_of(const std::string& text)
{
    return text.empty() ? std::nullopt : std::optional{EventName{text}};
}

/// Whether the project's own settings are the base.
bool is_of_project(const Wishes& wishes)
{
    const bool names_scheme = wishes.old_style || !wishes.scheme.empty() || wishes.key_file;
    return wishes.project_config || (wishes.site && !names_scheme);
}

/// A mistyped name must not become a project with a key of its own.
void require_known(const Config& site, const ProjectName& project)
{
    const ProjectFile file{{site.deidentify.projects, site.paths.keys()}, project.str()};
    if (!file.is_known()) {
        throw Error{
            Fault::missing,
            "{} has no project {}; 'fiona-config key create {}' makes its key, --key-file or "
            "--uid-scheme do without the site",
            site.deidentify.projects.native(), project, project};
    }
}

Settings base_settings(const Wishes& wishes)
{
    try {
        const ProjectName project{wishes.project};
        const ParticipantId participant{wishes.participant};
        if (wishes.project_config) {
            const ProjectFiles files{*wishes.project_config,
                                     wishes.project_config->parent_path() / "keys"};
            return project_settings(files, project, participant, event_of(wishes.event));
        }
        if (is_of_project(wishes)) {
            require_known(*wishes.site, project);
            return project_settings(*wishes.site, project, participant, event_of(wishes.event));
        }
        return Settings{
            .project = project, .participant = participant, .event = event_of(wishes.event)};
    } catch (const Error& error) {
        throw error.fault() == Fault::data ? Error{Fault::usage, "{}", error.what()} : error;
    }
}

TagChange tag_change(const std::string& text, bool is_regex)
{
    const auto equals = text.find('=');
    if (equals == std::string::npos || !parse_tag(text.substr(0, equals))) {
        throw Error{Fault::usage, "a tag change is gggg,eeee=VALUE or KEYWORD=VALUE"};
    }
    return {text.substr(0, equals), text.substr(equals + 1), is_regex};
}

UidScheme scheme_of(const std::string& word)
{
    if (word == "compat-dec") {
        return UidScheme::compat_dec;
    }
    if (word == "compat-hex") {
        return UidScheme::compat_hex;
    }
    if (word != "hmac") {
        throw Error{Fault::usage, "--uid-scheme is hmac, compat-dec or compat-hex"};
    }
    return UidScheme::hmac;
}

/// What needs no look at anything else.
void take_over_plain(const Wishes& wishes, Settings& settings)
{
    if (wishes.verify == "off" && !wishes.knows_it_leaks) {
        throw Error{Fault::usage, "--verify off needs --i-know-this-leaks"};
    }
    settings.verify = wishes.verify == "full";
    settings.scrub_leaks = wishes.on_leak == "scrub";
    settings.by_series = wishes.by_series;
    settings.threads = wishes.threads;
    settings.extra_identity = wishes.extra_identity;
    settings.mapping_file = wishes.mapping_file;
    settings.digests = wishes.with_receipt;
}

} // namespace

Settings settings_of(const Wishes& wishes)
{
    auto settings = base_settings(wishes);
    take_over_plain(wishes, settings);
    if (wishes.key_file) {
        settings.key_file = wishes.key_file;
    }
    if (wishes.old_style || !wishes.scheme.empty()) {
        settings.scheme = wishes.old_style ? UidScheme::compat_hex : scheme_of(wishes.scheme);
    }
    if (settings.scheme == UidScheme::hmac && !settings.key_file) {
        throw Error{Fault::usage,
                    "the UID scheme hmac needs a site's --config, --project-config or "
                    "--key-file; --uid-scheme compat-dec and -u do without"};
    }
    if (wishes.days) {
        settings.date_shift = {DateShift::Kind::fixed, *wishes.days};
    } else if (!settings.key_file && !is_of_project(wishes)) {
        settings.date_shift = {DateShift::Kind::fixed, original_shift};
    }
    if (!wishes.profiles.empty()) {
        settings.profiles = wishes.profiles;
    }
    settings.private_lists.insert(settings.private_lists.end(), wishes.private_lists.begin(),
                                  wishes.private_lists.end());
    if (!wishes.documents.empty()) {
        settings.documents =
            wishes.documents == "if-clean" ? Documents::if_clean : Documents::refuse;
    }
    for (const auto& text : wishes.tag_changes) {
        settings.tag_changes.push_back(tag_change(text, false));
    }
    for (const auto& text : wishes.tag_regexes) {
        settings.tag_changes.push_back(tag_change(text, true));
    }
    return settings;
}

} // namespace fiona::anonymize
