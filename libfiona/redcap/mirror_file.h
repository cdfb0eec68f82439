// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/state_database.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace fiona::redcap {

/// What is known of the copy of one role. Times of this machine but for `since`.
struct MirrorState {
    TimePoint looked;          ///< last time the copy was brought up to date
    TimePoint since;           ///< clock of the server: everything before is in the copy
    TimePoint full;            ///< last time everything was compared
    TimePoint log_looked;      ///< last time the log was asked for deletions
    TimePoint schema_looked;   ///< last time the dictionary was read
    bool log_is_open = true;   ///< the token may read the log
    std::string source;        ///< which REDCap it is a copy of (MirrorSettings::source)
    std::vector<Field> fields; ///< the dictionary
};

/// `<state>/redcap-mirror.sqlite`, mode 0600: a copy of some columns of REDCap's projects, and only
/// a memory. Every change of a record is one transaction; a role counts only when its MirrorState is
/// there, which is written last. So a kill leaves an older copy, or none.
class MirrorFile {
public:
    explicit MirrorFile(std::filesystem::path file);

    [[nodiscard]] std::optional<MirrorState> state(Role role);
    /// Counts how often this object had to begin anew.
    [[nodiscard]] unsigned generation() const { return m_database.generation(); }
    /// Says that the copy of the role is whole. Does nothing if the file was begun anew since
    /// `generation`: what was put into it before is gone.
    void put_state(Role role, const MirrorState& state, unsigned generation);

    struct Selection {
        std::vector<std::string> records;  ///< empty: all
        std::vector<std::string> events;   ///< empty: all
        std::set<std::string> instruments; ///< rows of these, besides base rows
        std::set<std::string> fields;      ///< of each row only these; a checkbox by its own name
    };
    /// Rows in the order of record, event, instrument and instance; nothing at all if there is no
    /// copy of the role, or not a whole one.
    [[nodiscard]] std::optional<std::vector<Row>> rows(Role role, const Selection& selection);
    [[nodiscard]] std::vector<std::string> record_ids(Role role);

    /// Every record of `ids` becomes what `rows` says of it: gone, if that is nothing. Rows of other
    /// records are not looked at. Takes away the marks up to `mark`.
    void replace(Role role, const std::vector<std::string>& ids, const std::vector<Row>& rows,
                 std::int64_t mark);

    /// Notes that we wrote to these records: what the copy has of them must not be used any more.
    /// Nothing if there is no copy of the role.
    void mark_stale(Role role, const std::vector<std::string>& ids);
    struct Stale {
        std::vector<std::string> ids;
        std::int64_t mark = 0; ///< of the youngest
    };
    [[nodiscard]] Stale stale(Role role);

private:
    StateDatabase m_database;
};

} // namespace fiona::redcap
