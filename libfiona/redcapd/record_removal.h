// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/call.h"

#include <cstdint>
#include <string>

/// What goes with a record or a part of it, and what the log says about that.
namespace fiona::redcapd {

struct RecordEntry {
    std::int64_t id = 0;
    std::string name;
};

/// The record with its values and files; one line of the log.
void remove_record(const Call& call, const RecordEntry& record);
/// Files whose value is gone.
void remove_stray_files(const Call& call, std::int64_t record);
/// All records of the project that have no value left.
void remove_empty_records(const Call& call);
/// record.modified of those that hold values in the event, and a line in the log for each.
void touch_records_of_event(const Call& call, std::int64_t event);

} // namespace fiona::redcapd
