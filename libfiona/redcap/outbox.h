// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/state_database.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fiona::redcap {

/// One instance of a repeating instrument that shall be there once, under whatever number.
struct Instance {
    using Values = std::map<std::string, std::string, std::less<>>;

    std::string record;
    std::string event{}; ///< unique name; "" in a classic project
    std::string instrument;
    Values key;              ///< decides identity; blank values count
    Values values{};         ///< written with it, not compared
    std::string exclusive{}; ///< a field of the key: no other instance of the record may have the
                             ///< same value there beside another key; "" for none

    friend bool operator==(const Instance&, const Instance&) = default;
};

/// Of the record and the key: what stays for a week must not name a participant.
[[nodiscard]] std::string digest_of(const Instance& instance);

/// `<state>/redcap-outbox.sqlite`, mode 0600: the journal of instances that are being written to one
/// role's project, and what REDCap refused.
///
///     planned   before the call: REDCap may have it, or not. Resolved by ensure_instances() of
///               the same, or by resume() (instances.h) of the next run
///     done      read back from REDCap; who and what is erased, a digest stays for a week
class Outbox {
public:
    Outbox(const std::filesystem::path& state_dir, Role role);

    void plan(const std::vector<Instance>& instances, TimePoint now);
    /// `done` are in REDCap; `dropped` will not be written: refused, or in conflict with others.
    void settle(const std::vector<Instance>& done, const std::vector<Instance>& dropped);
    [[nodiscard]] std::vector<Instance> planned();

    /// Why REDCap refused the same content of this record less than an hour ago, if it did.
    [[nodiscard]] std::optional<std::string> quarantined(const std::string& record,
                                                         const std::string& digest, TimePoint now);
    void quarantine(const std::string& record, const std::string& digest, const std::string& reason,
                    TimePoint now);

private:
    StateDatabase m_database;
    std::string m_role;
};

} // namespace fiona::redcap
