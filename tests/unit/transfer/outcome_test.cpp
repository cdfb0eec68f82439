// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/transfer/outcome.h"

#include <catch2/catch.hpp>

using namespace fiona;
using transfer::Outcome;

namespace {

const std::string study = "1.2.826.0.1.3680043.9.7433.1.1";

store::TransferRequest request()
{
    return store::TransferRequest::parse(
        json::write(json::Object{{"redcap_repeat_instance", 3},
                                 {"redcap_repeat_instrument", "transfers"},
                                 {"study_instance_uid", study},
                                 {"transfer_event_name", "baseline"},
                                 {"transfer_name", "DEMO_0001"},
                                 {"transfer_project_name", "DEMO"}}),
        "a request");
}

Outcome good()
{
    Outcome outcome;
    outcome.ending = Outcome::Ending::done;
    outcome.started = TimePoint{std::chrono::seconds{1'700'000'000}};
    outcome.seconds = 2.5;
    outcome.mapped_uids = {"2.25.1", "2.25.2"};
    outcome.counts = {
        .in = 4, .stored = 4, .warnings = 1, .masked = 2, .held = 0, .skipped = 0, .refused = 0};
    outcome.statuses = {{"0000", 3}, {"B000", 1}};
    outcome.pixels = json::Array{json::Object{{"series", "#1"}, {"images", 1}}};
    return outcome;
}

} // namespace

TEST_CASE("a note says to REDCap what the outcome was")
{
    const auto note = json::parse(json::write(note_of(good(), request())), "note");

    const auto result = transfer::redcap_result(note, request());

    CHECK(result.study == request().study);
    CHECK(result.instance == 3);
    CHECK(epoch_seconds(result.started) == 1'700'000'000);
    CHECK(result.mapped_uids == "2.25.1,2.25.2");
    CHECK_FALSE(result.deidentify_error);
    CHECK_FALSE(result.send_error);
    CHECK(result.pixels_masked); // tried: the original says no more
    CHECK(result.error_message.empty());
    CHECK(result.seconds == 2.5);
    CHECK(transfer::ending_of(note) == Outcome::Ending::done);
}

TEST_CASE("images that were left out are told by tag of their series, reason and number")
{
    auto outcome = good();
    outcome.ending = Outcome::Ending::failed;
    outcome.deidentify_error = true;
    outcome.error = "2 images are held";
    outcome.counts.held = 2;
    const auto tag = log::uid_tag(study + ".7");
    outcome.held[{tag, "burned-in text has to be removed first"}] = {"#0000000000a1",
                                                                     "#0000000000a2"};

    const auto note = note_of(outcome, request());
    const auto message = json::parse(transfer::redcap_result(note, request()).error_message, "m");

    CHECK(transfer::redcap_result(note, request()).deidentify_error);
    CHECK(message.text("error") == "2 images are held");
    REQUIRE(message.find("held")->array().size() == 1);
    CHECK(message.find("held")->array().front().text("series") == tag);
    CHECK(message.find("held")->array().front().text("images") == "2");
    CHECK(message.find("held")->array().front().find("objects")->array().size() == 2);
    CHECK(message == transfer::messages_of(note));
    CHECK(transfer::ending_of(note) == Outcome::Ending::failed);
}

TEST_CASE("a note holds no original identifier, and two of them have two ids")
{
    const auto first = note_of(good(), request());
    const auto second = note_of(good(), request());

    CHECK(json::write(first).find("3680043.9.7433") == std::string::npos);
    CHECK(first.find("audit")->text("id") != second.find("audit")->text("id"));
    CHECK(first.find("audit")->text("participant") == "DEMO_0001");
}

TEST_CASE("what is no note is a data fault")
{
    CHECK_THROWS_AS(transfer::redcap_result(json::Object{}, request()), Error);
    CHECK_THROWS_AS(transfer::ending_of(json::Array{}), Error);
}
