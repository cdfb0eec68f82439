// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/keys.h"

#include "libfiona/anonymize/kept_mapping.h"
#include "libfiona/anonymize/project_file.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"

#include <charconv>
#include <span>

namespace fiona::anonymize {

namespace {

constexpr std::size_t fingerprint_digits = 16;

FileLock locked(const ProjectFiles& files)
{
    make_directories(files.projects.parent_path());
    return FileLock{lock_of(files), std::chrono::seconds{30}};
}

KeyState state_of(const ProjectFile& file, const ProjectName& project)
{
    using enum KeyState::Kind;
    KeyState state;
    state.project = project.str();
    state.destroyed = file.destroyed();
    const auto noted = file.noted_digest();
    state.fingerprint = noted.substr(0, fingerprint_digits);
    if (!state.destroyed.empty()) {
        state.kind = destroyed;
    } else if (!file.has_key()) {
        state.kind = noted.empty() ? none : lost;
    } else {
        try {
            const auto digest = sha256_hex(file.secret().reveal());
            state.fingerprint = digest.substr(0, fingerprint_digits);
            state.kind = in_use;
        } catch (const Error&) { // told by the state
            state.kind = changed;
        }
    }
    return state;
}

std::string from_hex(std::string_view hex)
{
    std::string bytes;
    for (std::size_t at = 0; at + 2 <= hex.size(); at += 2) {
        unsigned value = 0;
        std::from_chars(hex.data() + at, hex.data() + at + 2, value, 16);
        bytes += static_cast<char>(value);
    }
    return bytes;
}

void require(const KeyState& state, KeyState::Kind kind)
{
    if (state.kind != kind) {
        throw Error{Fault::config, "project {}: its key is {}, not {}", state.project,
                    name_of(state.kind), name_of(kind)};
    }
}

} // namespace

std::string_view name_of(KeyState::Kind kind)
{
    switch (kind) {
    case KeyState::Kind::none: return "not made yet";
    case KeyState::Kind::in_use: return "in use";
    case KeyState::Kind::lost: return "lost";
    case KeyState::Kind::changed: return "changed or unreadable";
    case KeyState::Kind::destroyed: break;
    }
    return "destroyed";
}

KeyState key_state(const ProjectFiles& files, const ProjectName& project)
{
    return state_of(ProjectFile{files, project.str()}, project);
}

std::vector<KeyState> key_states(const ProjectFiles& files)
{
    std::vector<KeyState> states;
    const auto text = read_file_if_any(files.projects);
    if (!text) {
        return states;
    }
    const auto document = json::parse(*text, files.projects.native());
    if (document.is_object()) {
        for (const auto& [name, entry] : document.object()) {
            states.push_back(key_state(files, ProjectName{name}));
        }
    }
    return states;
}

KeyState create_key(const ProjectFiles& files, const ProjectName& project, Mode mode)
{
    if (mode == Mode::dry_run) {
        return key_state(files, project);
    }
    const auto lock = locked(files);
    ProjectFile file{files, project.str()};
    static_cast<void>(file.key());
    return state_of(file, project);
}

KeyState backup_key(const ProjectFiles& files, const ProjectName& project,
                    const std::filesystem::path& copy, Mode mode)
{
    const ProjectFile file{files, project.str()};
    auto state = state_of(file, project);
    require(state, KeyState::Kind::in_use);
    const auto secret = file.secret();
    const json::Object document{{"format", "fiona-key-1"},
                                {"project", project.str()},
                                {"key", to_hex(std::as_bytes(std::span{secret.reveal()}))},
                                {"sha256", sha256_hex(secret.reveal())}};
    if (mode == Mode::apply) {
        store::AtomicFile target{copy, 0600};
        target.write(json::write(document, json::Style::pretty) + "\n");
        target.commit_new();
    }
    return state;
}

KeyState restore_key(const ProjectFiles& files, const ProjectName& project,
                     const std::filesystem::path& copy, Mode mode)
{
    const auto text = read_secret_file(copy);
    const auto document = json::parse(text.reveal(), copy.native());
    const Private<std::string> secret{from_hex(document.text("key"))};
    if (document.text("format") != "fiona-key-1" || document.text("project") != project.str()
        || document.text("sha256") != sha256_hex(secret.reveal())) {
        throw Error{Fault::config, "{}: no backup of the key of project {}", copy.native(),
                    project.str()};
    }
    if (mode == Mode::dry_run) {
        return key_state(files, project);
    }
    const auto lock = locked(files);
    ProjectFile file{files, project.str()};
    file.restore(secret);
    return state_of(file, project);
}

KeyState destroy_key(const ProjectFiles& files, const ProjectName& project, TimePoint now,
                     Mode mode)
{
    auto before = key_state(files, project);
    const KeptMappings mappings{files.keys}; // they tell what the key told
    const bool has_key = before.kind != KeyState::Kind::none;
    if (!has_key && !mappings.has_any(project)) {
        throw Error{Fault::missing, "project {}: it has no key and no mappings", project.str()};
    }
    if (mode == Mode::dry_run) {
        return before;
    }
    const auto lock = locked(files);
    ProjectFile file{files, project.str()};
    if (has_key) {
        file.destroy(iso8601_utc(now));
    }
    mappings.destroy(project);
    return state_of(file, project);
}

std::vector<KeyState> run(const KeyCommand& command, const ProjectFiles& files, TimePoint now,
                          Mode mode)
{
    if (command.project.empty()) {
        return key_states(files);
    }
    const ProjectName project{command.project};
    switch (command.action) {
    case KeyCommand::Action::show: break;
    case KeyCommand::Action::create: return {create_key(files, project, mode)};
    case KeyCommand::Action::backup: return {backup_key(files, project, command.copy, mode)};
    case KeyCommand::Action::restore: return {restore_key(files, project, command.copy, mode)};
    case KeyCommand::Action::destroy:
        if (command.confirmed != command.project) {
            throw Error{Fault::usage, "--confirm must repeat the project's name"};
        }
        return {destroy_key(files, project, now, mode)};
    }
    return {key_state(files, project)};
}

Shown shown_keys(const std::vector<KeyState>& states)
{
    Shown shown;
    json::Array document;
    shown.rows.push_back({"project", "key", "fingerprint", "destroyed"});
    for (const auto& state : states) {
        const std::string kind{name_of(state.kind)};
        shown.rows.push_back({state.project, kind, state.fingerprint, state.destroyed});
        document.emplace_back(json::Object{{"project", state.project},
                                           {"key", kind},
                                           {"fingerprint", state.fingerprint},
                                           {"destroyed", state.destroyed}});
    }
    shown.document = std::move(document);
    return shown;
}

} // namespace fiona::anonymize
