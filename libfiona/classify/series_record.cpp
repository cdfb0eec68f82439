// SPDX-License-Identifier: MIT
#include "libfiona/classify/series_record.h"

#include "libfiona/classify/diffusion.h"
#include "libfiona/classify/tag_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace fiona::classify {

namespace {

constexpr std::string_view frames_key = "FramesOf";
constexpr std::string_view location_key = "SliceLocation";
constexpr std::string_view measurement_key = "MeasID";
constexpr std::string_view first_key = "FirstReceived";
constexpr std::string_view last_key = "LastReceived";
constexpr std::array<std::string_view, 3> patient_keys{"PatientID", "PatientName", "PatientSex"};
constexpr std::array<std::string_view, 2> entry_keys{siemens_diffusion_key, diffusion_key};

bool is_entry_key(std::string_view key)
{
    return std::ranges::find(entry_keys, key) != entry_keys.end();
}

/// Empty, or the original's word for an absent StudyDescription.
bool is_missing(std::string_view key, const json::Value& value)
{
    return value == json::Value{""}
           || (key == "StudyDescription" && value == json::Value{"missing"});
}

bool is_patient_key(std::string_view key)
{
    return std::ranges::find(patient_keys, key) != patient_keys.end();
}

bool keep_smaller(json::Value& ours, const json::Value& theirs)
{
    const auto current = as_number(ours.text());
    const auto candidate = as_number(theirs.text());
    if (!candidate || (current && *candidate >= *current)) {
        return false;
    }
    ours = theirs;
    return true;
}

bool keep_frames(json::Object& ours, const json::Object& theirs)
{
    bool has_changed = false;
    for (const auto& [instance, count] : theirs) {
        auto& known = ours[instance];
        has_changed = has_changed || known != count;
        known = count;
    }
    return has_changed;
}

/// Numbers as texts, ascending.
bool keep_numbers(json::Array& ours, const json::Array& theirs)
{
    const auto number = [](const json::Value& value) {
        return as_number(value.text()).value_or(std::numeric_limits<double>::infinity());
    };
    bool has_changed = false;
    for (const auto& value : theirs) {
        if (std::ranges::find(ours, value) == ours.end()) {
            ours.insert(std::ranges::upper_bound(ours, number(value), {}, number), value);
            has_changed = true;
        }
    }
    return has_changed;
}

} // namespace

SeriesRecord::SeriesRecord(const json::Value& stored)
{
    if (!stored.is_object()) {
        return;
    }
    m_fields = stored.object();
    for (const auto key : entry_keys) {
        const auto found = m_fields.find(key);
        if (found == m_fields.end() || !found->second.is_array()) {
            continue;
        }
        auto& positions = m_positions[std::string{key}];
        const auto& entries = found->second.array();
        for (std::size_t i = 0; i < entries.size(); ++i) {
            positions.emplace(entries[i].text("SOPInstanceUID"), i);
        }
    }
}

void SeriesRecord::add(const json::Object& image, Arrival arrival)
{
    bool has_changed = false;
    const json::Value known{image};
    const auto received = known.text(last_key);
    const auto last = m_fields.find(last_key);
    const bool is_latest = last != m_fields.end() && received > last->second.text();
    for (const auto& [key, value] : image) {
        const bool is_newest = (key == measurement_key && arrival == Arrival::first)
                               || (is_latest && is_patient_key(key) && !value.text().empty());
        has_changed = (is_newest ? replace(key, value) : keep(key, value)) || has_changed;
    }
    if (arrival == Arrival::again && !has_changed) {
        return;
    }
    if (!received.empty()) {
        auto& first = m_fields[std::string{first_key}];
        auto& latest = m_fields[std::string{last_key}];
        first = first.text().empty() ? received : std::min(first.text(), received);
        latest = std::max(latest.text(), received);
    }
}

bool SeriesRecord::replace(const std::string& key, const json::Value& value)
{
    auto& ours = m_fields[key];
    const bool has_changed = ours != value;
    ours = value;
    return has_changed;
}

bool SeriesRecord::keep(const std::string& key, const json::Value& value)
{
    if (is_entry_key(key) && value.is_array()) {
        return keep_entries(key, value.array());
    }
    const auto found = m_fields.find(key);
    if (found == m_fields.end()) {
        m_fields.emplace(key, value);
        return true;
    }
    auto& ours = found->second;
    if (key == frames_key && ours.is_object() && value.is_object()) {
        return keep_frames(ours.object(), value.object());
    }
    if (key == b_values_key && ours.is_array() && value.is_array()) {
        return keep_numbers(ours.array(), value.array());
    }
    if (key == location_key) {
        return keep_smaller(ours, value);
    }
    if (!is_missing(key, ours) || ours == value) {
        return false;
    }
    ours = value;
    return true;
}

bool SeriesRecord::keep_entries(const std::string& key, const json::Array& entries)
{
    auto& stored = m_fields.try_emplace(key, json::Array{}).first->second;
    if (!stored.is_array()) {
        stored = json::Array{};
    }
    auto& ours = stored.array();
    auto& positions = m_positions[key];
    bool has_changed = false;
    for (const auto& entry : entries) {
        const auto [known, is_new] =
            positions.try_emplace(entry.text("SOPInstanceUID"), ours.size());
        if (is_new) {
            ours.push_back(entry);
        } else if (ours[known->second] != entry) {
            ours[known->second] = entry;
        } else {
            continue;
        }
        has_changed = true;
    }
    return has_changed;
}

void SeriesRecord::set(std::string_view key, json::Value value)
{
    m_fields.insert_or_assign(std::string{key}, std::move(value));
}

void SeriesRecord::count(std::size_t files)
{
    set_counts(m_fields, files);
}

json::Object merged(const json::Value& stored, const json::Object& image, Arrival arrival)
{
    SeriesRecord record{stored};
    record.add(image, arrival);
    return record.fields();
}

void set_counts(json::Object& fields, std::size_t files)
{
    fields["NumFiles"] = fmt::format("{}", files);
    auto frames = static_cast<std::int64_t>(files);
    const auto found = fields.find(frames_key);
    if (found != fields.end() && found->second.is_object()) {
        for (const auto& [instance, count] : found->second.object()) {
            frames += count.is_integer() ? count.integer() - 1 : 0;
        }
    }
    fields["TotalFrames"] = fmt::format("{}", frames);
}

} // namespace fiona::classify
