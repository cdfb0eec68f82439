// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/redcap/client.h"

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::routing {

/// The participants of one research project's REDCap: who is there, and the rows that add others.
class ParticipantRows {
public:
    /// Reads dictionary, events and participants.
    explicit ParticipantRows(redcap::Client& project);
    /// The same call hands on what is in `form`, a repeating one: an instance each.
    ParticipantRows(redcap::Client& project, const std::string& form,
                    const std::function<void(const redcap::Row&)>& on_instance);

    enum class Known { no, yes, other_spelling };
    /// REDCap takes two ids for one record when they differ in case only.
    [[nodiscard]] Known find(const std::string& participant) const;
    [[nodiscard]] bool has(const std::string& participant, const std::string& unique_event) const;
    /// The row that creates the participant in that event; first_name and last_name are the id, where the
    /// project has such fields.
    [[nodiscard]] redcap::Row row(const std::string& participant,
                                  const std::string& unique_event) const;
    /// By label or unique name, in any case of its letters; "" is the event `event_1_arm_1`, or the first
    /// where there is none of that name. In a project without events both texts are empty. Throws
    /// Error{Fault::data} listing the events.
    [[nodiscard]] redcap::Event event(const std::string& label_or_name) const;
    /// Whether the dictionary has that field.
    [[nodiscard]] bool has_field(std::string_view name) const;
    void add(const redcap::Row& row);

private:
    std::vector<redcap::Field> m_fields;
    std::vector<redcap::Event> m_events;
    std::set<std::pair<std::string, std::string>> m_rows; ///< record, event
    std::set<std::string> m_records;
    std::set<std::string> m_lower_case;
};

} // namespace fiona::routing
