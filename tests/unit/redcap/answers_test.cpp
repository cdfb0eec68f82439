// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/redcap/answers.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::redcap;
using Catch::Matchers::Contains;

namespace {

const Private<std::string> token{std::string{"TOKEN000TOKEN000TOKEN000TOKEN000"}};

struct Failure {
    Fault fault;
    std::string text;
};

Failure failure(long status, const std::string& body)
{
    try {
        static_cast<void>(check_answer({status, body, {}}, token));
    } catch (const Error& e) {
        return {e.fault(), e.what()};
    }
    FAIL("the answer was taken as good");
    return {Fault::internal, {}};
}

} // namespace

TEST_CASE("a per-value message keeps field and message, and neither record nor value")
{
    const auto* const body =
        R"({"error":"\"1.2.3.4\",\"series_num_files\",\"DOE^JANE\",\"The value DOE^JANE could not be validated.\"\n\"1.2.3.4\",\"study_date\",\"19700101\",\"Bad\"\"19700101\"\" here\""})";

    const auto refused = failure(400, body);

    CHECK(refused.fault == Fault::data);
    CHECK(refused.text
          == "REDCap refused: series_num_files: The value *** could not be validated.; study_date: "
             "Bad*** here");
}

TEST_CASE("a value that shifts the columns of a message is not repeated at all")
{
    const auto* const text =
        GENERATE(R"("1.2.3","field","x","DOE^JANE","more")", R"("1.2.3","field","DOE^JANE)",
                 R"("1.2.3","DOE^JANE","field","message")", R"("DOE^JANE")");
    CAPTURE(text);

    const auto result = harmless_text(text, token);

    CHECK_THAT(result, !Contains("DOE") && Contains("refused"));
}

TEST_CASE("names of fields that the project lacks stay, because they show a wrong schema")
{
    const auto refused = failure(
        400,
        R"({"error":"The following values in the parameter \"fields\" are not valid: 'x', 'y'"})");

    CHECK(refused.fault == Fault::config);
    CHECK_THAT(refused.text, Contains("'x', 'y'"));
}

TEST_CASE("lists of records, quoted texts and the token are taken out of an error")
{
    CHECK_THAT(
        harmless_text("One or more of the records provided cannot be deleted because they do "
                      "not exist in the project. The following records do not exist: DOE, 2",
                      token),
        !Contains("DOE") && Contains("do not exist"));
    CHECK(harmless_text("The record \"DOE\" does not exist", token)
          == "The record *** does not exist");
    CHECK_THAT(harmless_text("bad token " + token.reveal(), token), !Contains("0123456789ABCDEF"));
    CHECK(harmless_text("This field ('study_date') exists", token)
          == "This field (study_date) exists");
}

TEST_CASE("a long error with line breaks becomes one line of bounded length")
{
    const auto text = harmless_text("first\nsecond\x1b" + std::string(5000, 'x'), token);

    CHECK(text.size() < 500);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("each status has the fault of whoever must act")
{
    const auto [status, fault] = GENERATE(table<long, Fault>({{400, Fault::data},
                                                              {401, Fault::permission},
                                                              {403, Fault::permission},
                                                              {404, Fault::protocol},
                                                              {406, Fault::protocol},
                                                              {501, Fault::protocol},
                                                              {302, Fault::protocol},
                                                              {408, Fault::temporary},
                                                              {429, Fault::temporary},
                                                              {500, Fault::temporary},
                                                              {503, Fault::temporary}}));
    CAPTURE(status);

    CHECK(failure(status, R"({"error":"You do not have permissions to use the API"})").fault
          == fault);
}

TEST_CASE("a web page or an object with an error is never data, whatever the status says")
{
    CHECK(failure(200, "  <html><body>maintenance</body></html>").fault == Fault::temporary);
    CHECK(failure(200, R"({"error":"something"})").fault == Fault::temporary);
}

TEST_CASE("a server out of memory asks for smaller pieces")
{
    const Answer answer{
        200, "<br />Fatal{\"error\":\"REDCap ran out of server memory. The request\"}", {}};

    CHECK(check_answer(answer, token) == Verdict::too_large);
    CHECK(check_answer({413, "too big", {}}, token) == Verdict::too_large);
    CHECK(check_answer({200, "[{\"notes\":\"ran out of server memory\"}]", {}}, token)
          == Verdict::good);
}

TEST_CASE("a count is a bare number or an object with one, and anything else is not believed")
{
    CHECK(answered_count("12") == 12);
    CHECK(answered_count("\"7\"") == 7);
    CHECK(answered_count(R"({"count": 3})") == 3);
    const auto* const body = GENERATE("", "<html>", "[]", "-1", "1.5", R"({"items": 3})", "\"x\"");
    CAPTURE(body);

    try {
        static_cast<void>(answered_count(body));
        FAIL("it was taken for a count");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::temporary);
    }
}

TEST_CASE("a list is a list, and anything else is not believed")
{
    CHECK(answered_list(R"([{"a": 1}])").size() == 1);
    CHECK(answered_list("[]").empty());
    CHECK_THROWS_AS(answered_list("{}"), Error);
    CHECK_THROWS_AS(answered_list("[1"), Error);
}

TEST_CASE("the record of a deletion stands in the log's record or at the end of its action")
{
    const auto record = [](const std::string& line) {
        return deleted_record(json::parse(line, "a line"));
    };

    CHECK(record(R"({"action": "Delete record (API) 1200", "record": ""})") == "1200");
    CHECK(record(R"({"action": "Delete record 17", "record": "18"})") == "18");
    CHECK(record(R"({"action": "Delete"})").empty());
}
