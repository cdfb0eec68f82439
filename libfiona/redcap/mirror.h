// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/mirror_file.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fiona::redcap {

enum class Freshness {
    usual, ///< 20 s old at most; rules and coupling lists 5 minutes
    now    ///< looks at REDCap once, however young the copy is
};

struct MirrorSettings {
    Role role = Role::incoming;
    std::filesystem::path state_dir;
    std::string server_timezone;
    std::string source; ///< where REDCap is: a copy of another one is not used
    Freshness freshness = Freshness::usual;
    std::function<TimePoint()> now = Clock::now;
};

/// Keeps the copy of one role's project as young as needed, with as few calls as possible: one for a
/// project in which nothing changed. Only one process of the site does it at a time; the others wait,
/// and find it done.
///
/// INCOMING, AUTOID and IDS7 are large: the ids of records changed since the last look (whole
/// minutes of overlap), then these records, 200 a call; deletions by the project's log every ten
/// minutes, if the token may read it; once a day, and after a change of the dictionary, everything.
/// ROUTING, COUPLING and DTP are small and decide where images go: each look reads them whole.
class Mirror {
public:
    /// `server` opens the connection when it is needed first.
    Mirror(MirrorSettings settings, std::function<Client&()> server);

    /// The state of a copy that is young enough and holds what this process wrote. Throws what the
    /// calls throw; Error{Fault::temporary} if another process takes too long with it.
    MirrorState update();
    [[nodiscard]] bool is_young(const MirrorState& state) const;
    /// What the file says of the copy; nothing if it is one of another REDCap.
    [[nodiscard]] std::optional<MirrorState> known_state();
    /// Whether there is a file at all; file() makes it.
    [[nodiscard]] bool has_file() const;
    [[nodiscard]] MirrorFile& file();

    /// The columns of the copy for a project with these fields: name and form of each.
    [[nodiscard]] static std::vector<Field> copied(Role role, const std::vector<Field>& fields);

private:
    [[nodiscard]] bool is_small() const;
    MirrorState look(const std::optional<MirrorState>& before);
    void read_whole(MirrorState& state);
    void compare_all(MirrorState& state);
    void read_changes(MirrorState& state);
    [[nodiscard]] std::vector<std::string> deleted(MirrorState& state);
    [[nodiscard]] std::vector<std::string> ids_changed_since(const std::string& begin);
    void refresh(const std::vector<std::string>& ids, const MirrorState& state, std::int64_t mark);

    MirrorSettings m_settings;
    std::function<Client&()> m_server;
    std::optional<MirrorFile> m_file; ///< opened when it is needed first
};

/// A client that reads through the copy where that has what is asked for, and from REDCap where it
/// has not: filters, labels, date ranges, columns that are not copied, ExportSpec::Source::server,
/// and records asked for by name when the copy is older than usual (a call either way). What it
/// writes it reads back from REDCap.
[[nodiscard]] std::unique_ptr<Client> mirrored(MirrorSettings settings,
                                               std::function<std::unique_ptr<Client>()> connect);
/// The client of a role for the tools of a site: mirrored(connect(config, role)). In a dry run, which
/// writes nothing anywhere, a connection alone, without a copy, limit or circuit.
[[nodiscard]] std::unique_ptr<Client> open(const RedcapConfig& config, Role role,
                                           Mode mode = Mode::apply,
                                           Freshness freshness = Freshness::usual);

} // namespace fiona::redcap
