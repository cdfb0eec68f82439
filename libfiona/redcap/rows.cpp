// SPDX-License-Identifier: MIT
#include "libfiona/redcap/rows.h"

#include "libfiona/base/error.h"
#include "libfiona/base/number.h"

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

namespace fiona::redcap {

namespace {

constexpr std::string_view event_key = "redcap_event_name";
constexpr std::string_view instrument_key = "redcap_repeat_instrument";
constexpr std::string_view instance_key = "redcap_repeat_instance";

/// Takes `[{"name": value, ...}, ...]` and nothing deeper. Values of every scalar type become text.
class RowHandler : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, RowHandler> {
public:
    explicit RowHandler(const std::string& record_id_field) : m_record_id_field{record_id_field} {}

    bool StartArray() { return m_place == Place::outside && enter(Place::list); }
    bool StartObject()
    {
        m_rows.emplace_back();
        m_has_record = false;
        return m_place == Place::list && enter(Place::row);
    }
    bool EndObject(rapidjson::SizeType /*members*/)
    {
        m_complete = m_complete && m_has_record;
        return enter(Place::list);
    }
    bool EndArray(rapidjson::SizeType /*elements*/) { return enter(Place::outside); }
    bool Key(const char* text, rapidjson::SizeType length, bool /*copy*/)
    {
        m_key.assign(text, length);
        return true;
    }
    bool String(const char* text, rapidjson::SizeType length, bool /*copy*/)
    {
        return take(std::string{text, length});
    }
    bool Null() { return take({}); }
    bool Bool(bool value) { return take(value ? "1" : "0"); }
    bool Int(int value) { return take(fmt::format("{}", value)); }
    bool Uint(unsigned value) { return take(fmt::format("{}", value)); }
    bool Int64(std::int64_t value) { return take(fmt::format("{}", value)); }
    bool Uint64(std::uint64_t value) { return take(fmt::format("{}", value)); }
    bool Double(double value) { return take(fmt::format("{}", value)); }

    [[nodiscard]] bool every_row_has_a_record() const { return m_complete; }
    [[nodiscard]] std::vector<Row> take_rows() { return std::move(m_rows); }

private:
    enum class Place { outside, list, row };

    bool enter(Place place)
    {
        m_place = place;
        return true;
    }

    bool take(std::string value)
    {
        if (m_place != Place::row) {
            return false;
        }
        auto& row = m_rows.back();
        if (m_key == m_record_id_field) {
            m_has_record = !value.empty();
            row.record = std::move(value);
        } else if (m_key == event_key) {
            row.event = std::move(value);
        } else if (m_key == instrument_key) {
            row.instrument = std::move(value);
        } else if (m_key == instance_key) {
            return take_instance(value);
        } else {
            row.values.insert_or_assign(m_key, std::move(value));
        }
        return true;
    }

    bool take_instance(const std::string& value)
    {
        if (value.empty()) {
            return true;
        }
        const auto instance = read_number<unsigned>(value);
        m_rows.back().instance = instance.value_or(0);
        return instance.has_value();
    }

    const std::string& m_record_id_field;
    std::vector<Row> m_rows;
    std::string m_key;
    Place m_place = Place::outside;
    bool m_has_record = false;
    bool m_complete = true;
};

} // namespace

std::vector<Row> parse_rows(std::string& body, const std::string& record_id_field)
{
    constexpr unsigned flags = rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag
                               | rapidjson::kParseValidateEncodingFlag;
    if (body.find('\0') != std::string::npos) { // it would end the in-situ parser early
        throw Error{Fault::temporary, "REDCap answered with something that is not JSON"};
    }
    RowHandler handler{record_id_field};
    rapidjson::InsituStringStream stream{body.data()};
    rapidjson::Reader reader;
    const auto result = reader.Parse<flags>(stream, handler);
    if (result.IsError()) {
        throw Error{Fault::temporary, "REDCap's list of rows breaks off at byte {} of {}",
                    result.Offset(), body.size()};
    }
    if (!handler.every_row_has_a_record()) {
        throw Error{Fault::protocol, "REDCap sent a row without {}", record_id_field};
    }
    return handler.take_rows();
}

json::Object row_object(const Row& row, const std::string& record_id_field)
{
    json::Object object;
    for (const auto& [field, value] : row.values) {
        object.emplace(field, value);
    }
    object.insert_or_assign(record_id_field, row.record);
    if (!row.event.empty()) {
        object.insert_or_assign(std::string{event_key}, row.event);
    }
    if (!row.instrument.empty()) {
        object.insert_or_assign(std::string{instrument_key}, row.instrument);
    }
    if (row.instance != 0) {
        object.insert_or_assign(std::string{instance_key}, row.instance);
    }
    return object;
}

} // namespace fiona::redcap
