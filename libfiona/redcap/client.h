// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/private.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// REDCap's API as the client sees it. A failed or incomplete read is never an empty list: every
/// call either returns the whole truth or throws.
///
/// Error{Fault::temporary}: after all tries there is no answer, or one that says "later" (429,
/// 5xx), or one that is not REDCap's protocol (HTML, truncated JSON);
/// Fault::permission: token refused (401, 403); Fault::data: our request was refused (400), with
/// REDCap's text, values taken out; Fault::config: no such token, wrong file mode, bad URL, a
/// certificate that is not trusted, fields that the project does not have; Fault::protocol: any
/// other status (a redirect, 404, 406, 501).
namespace fiona::redcap {

/// The projects of share/redcap; each has a token of its own in the tokens file.
enum class Role { incoming, routing, coupling, dtp, autoid, ids7 };
[[nodiscard]] std::string_view role_name(Role role);

/// One row of a flat export or import. Values are text whatever JSON type the server sent.
struct Row {
    std::string record;     ///< value of the record id field
    std::string event;      ///< unique event name; "" in a classic project
    std::string instrument; ///< repeating instrument; "" for a base row
    unsigned instance = 0;  ///< repeat instance; 0 for a base row
    std::map<std::string, std::string, std::less<>> values; ///< without the four keys above

    /// "" if absent.
    [[nodiscard]] std::string value(std::string_view field) const;
};

struct ExportSpec {
    std::vector<std::string> records; ///< empty: all
    std::vector<std::string> fields;  ///< the record id field is always added
    std::vector<std::string> forms;
    std::vector<std::string> events;
    std::string filter_logic;
    std::string
        date_range_begin; ///< `YYYY-MM-DD HH:MM:SS`, server time; whole records changed since
    bool labels = false;  ///< rawOrLabel=label

    /// Where a client with a copy (mirror.h) may take the answer from.
    enum class Source {
        copy,  ///< the copy, if it has what is asked for
        server ///< REDCap itself: whoever is about to choose an instance number
    };
    Source source = Source::copy;
};

enum class Overwrite {
    normal,   ///< blank values change nothing
    overwrite ///< blank values erase
};

struct Field {
    std::string name;
    std::string form;
    std::string type;
    std::string choices; ///< `code, label | code, label`
    std::string validation;

    friend bool operator==(const Field&, const Field&) = default;
};

struct Event {
    std::string label;
    std::string unique_name;
};

/// What a client has done so far, for the summary of a run.
struct Traffic {
    unsigned calls = 0; ///< HTTP requests, repeated ones included
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::size_t rows_read = 0;
    std::size_t rows_written = 0;
};

class Client {
public:
    Client() = default;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    virtual ~Client() = default;

    /// Name of the record id field (first field of the dictionary).
    [[nodiscard]] virtual const std::string& record_id_field() = 0;
    [[nodiscard]] virtual std::vector<Row> export_records(const ExportSpec& spec) = 0;
    /// Returns the number of distinct records REDCap says it took. All or nothing per call; more
    /// than 500 rows are sent in several calls, rows of one record never split.
    virtual std::size_t import_records(const std::vector<Row>& rows, Overwrite overwrite) = 0;
    /// The same, never repeated by itself. For rows whose instance number was just chosen: after
    /// Fault::temporary they may or may not be there, and the caller reads before it writes again,
    /// because somebody else may have taken the number.
    virtual std::size_t import_once(const std::vector<Row>& rows, Overwrite overwrite)
    {
        return import_records(rows, overwrite);
    }
    virtual void delete_records(const std::vector<std::string>& records) = 0;
    /// Deletes one instance of a repeating instrument.
    virtual void delete_instance(const std::string& record, const std::string& instrument,
                                 unsigned instance) = 0;
    [[nodiscard]] virtual std::vector<Field> metadata() = 0;
    /// Empty for a classic project.
    [[nodiscard]] virtual std::vector<Event> events() = 0;
    /// Forms that repeat (as instruments), in dictionary order.
    [[nodiscard]] virtual std::vector<std::string> repeating_forms() = 0;
    [[nodiscard]] virtual std::string version() = 0;
    /// Records that somebody deleted since `begin` (`YYYY-MM-DD HH:MM`, server time), some perhaps
    /// made again since. Nothing if the token has no right to read the project's log.
    [[nodiscard]] virtual std::optional<std::vector<std::string>>
    deleted_records(const std::string& begin)
    {
        static_cast<void>(begin);
        return std::nullopt;
    }
    /// The server's clock when the last call was made; nothing if it does not tell.
    [[nodiscard]] virtual std::optional<TimePoint> server_time() const { return std::nullopt; }
    [[nodiscard]] virtual Traffic traffic() const { return {}; }
};

/// The token of `role` from the tokens file (lines `role = TOKEN`, `#` comments, mode 0600).
[[nodiscard]] Private<std::string> token_of(const RedcapConfig& config, Role role);
/// The record id field of that project, as the schemas (share/fiona/redcap) have it; "" where sites
/// differ.
[[nodiscard]] std::string record_id_field_of(Role role);
/// Whether the tokens file has a line for `role`: a site may do without routing rules, for example.
[[nodiscard]] bool has_token(const RedcapConfig& config, Role role);
/// One kept-alive connection. TLS is verified always; plain http only on a UNIX socket or loopback.
[[nodiscard]] std::unique_ptr<Client> connect(const RedcapConfig& config,
                                              Private<std::string> token);
[[nodiscard]] std::unique_ptr<Client> connect(const RedcapConfig& config, Role role);

} // namespace fiona::redcap
